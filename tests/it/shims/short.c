// Writes take less than they are given, as they may: half of what is longer than the number that an eventfd takes.
//
//     cc -shared -fPIC -o short.so short.c; LD_PRELOAD=$PWD/short.so runner start

#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/types.h>
#include <unistd.h>

static size_t some(size_t bytes) { return bytes > 8 ? bytes / 2 : bytes; }

ssize_t write(int fd, const void *from, size_t bytes) {
    static ssize_t (*whole)(int, const void *, size_t);
    if (!whole) whole = dlsym(RTLD_NEXT, "write");
    return whole(fd, from, some(bytes));
}

ssize_t pwrite64(int fd, const void *from, size_t bytes, off64_t at) {
    static ssize_t (*whole)(int, const void *, size_t, off64_t);
    if (!whole) whole = dlsym(RTLD_NEXT, "pwrite64");
    return whole(fd, from, some(bytes), at);
}

ssize_t pwrite(int fd, const void *from, size_t bytes, off_t at) { return pwrite64(fd, from, bytes, at); }
