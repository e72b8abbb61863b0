// A wall clock that a test sets while a program runs; the machine's own stays as it is.
//
//     cc -shared -fPIC -o clock.so clock.c; LD_PRELOAD=$PWD/clock.so SHIM_CLOCK=FILE runner start
//
// FILE holds two numbers of 64 bits: by how many milliseconds the clock is ahead, and how often it was set. Who changes
// them tells the program so by SIGURG, in place of the kernel.
//
// The program reads the clock without the C library, and sleeps on a timer of the kernel's. So it is the system calls
// that are changed: they are trapped by seccomp(2), and made in another form that the filter lets pass, with bits that
// the kernel does not look at. That the clock can be read without a call is hidden from whoever looks for it.

#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "where are the registers?"
#endif

#define ANOTHER_FORM (1UL << 32)
#define ALARM (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)

static volatile struct { int64_t ahead_ms, sets; } *set;
static volatile int alarm_fd = -1;
static volatile int64_t sets_told;

static void add(struct timespec *time, int64_t ms) {
    int64_t ns = time->tv_nsec + ms % 1000 * 1000000;
    time->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
    time->tv_nsec = (ns + 1000000000) % 1000000000;
}

static long made(long returned) { return returned < 0 ? -errno : returned; }

static long clock_gettime_ahead(struct timespec *now) {
    long result = made(syscall(SYS_clock_gettime, ANOTHER_FORM | CLOCK_REALTIME, now));
    add(now, set->ahead_ms);
    return result;
}

static long arm(int fd, struct itimerspec at) {
    return made(syscall(SYS_timerfd_settime, fd, ANOTHER_FORM | ALARM, &at, NULL));
}

// As the kernel does, it arms the timer and says whether the clock was set since that was told last.
static long timerfd_settime_ahead(int fd, const struct itimerspec *wanted) {
    struct itimerspec at = *wanted;
    add(&at.it_value, -set->ahead_ms);
    if (at.it_value.tv_sec < 0) at.it_value = (struct timespec){0, 1};
    alarm_fd = fd;
    long result = arm(fd, at);
    int64_t sets = set->sets;
    if (result == 0 && sets != sets_told) result = -ECANCELED;
    sets_told = sets;
    return result;
}

static void trapped(int signal, siginfo_t *info, void *context) {
    (void)signal;
#if defined(__x86_64__)
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    long first = registers[REG_RDI], second = registers[REG_RSI], third = registers[REG_RDX];
    greg_t *result = &registers[REG_RAX];
#elif defined(__aarch64__)
    unsigned long long *registers = ((ucontext_t *)context)->uc_mcontext.regs;
    long first = registers[0], second = registers[1], third = registers[2];
    unsigned long long *result = &registers[0];
#endif
    int before = errno;
    if (info->si_syscall == SYS_clock_gettime) *result = clock_gettime_ahead((struct timespec *)second);
    else *result = timerfd_settime_ahead(first, (const struct itimerspec *)third);
    errno = before;
}

// The clock was set: the alarm goes off.
static void was_set(int signal) {
    (void)signal;
    int before = errno;
    if (alarm_fd >= 0) arm(alarm_fd, (struct itimerspec){.it_value = {0, 1}});
    errno = before;
}

// In the image that the kernel has put into the program nothing is to be executed, so that nobody takes a clock from it.
static void hide_the_clock(void) {
    char *image = (char *)getauxval(AT_SYSINFO_EHDR);
    if (!image) return;
    const Elf64_Ehdr *head = (Elf64_Ehdr *)image;
    const Elf64_Phdr *part = (Elf64_Phdr *)(image + head->e_phoff);
    const Elf64_Word nothing = 0;
    // It may not be written to in the usual way.
    int memory = open("/proc/self/mem", O_WRONLY | O_CLOEXEC);
    for (int i = 0; i < head->e_phnum; i++)
        if (pwrite(memory, &nothing, sizeof nothing, (off_t)&part[i].p_flags) < 0) abort();
    close(memory);
}

#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define DO(what) BPF_STMT(BPF_RET | BPF_K, what)

static void trap(unsigned call, unsigned argument, unsigned value) {
    unsigned low = offsetof(struct seccomp_data, args) + 8 * argument;
    struct sock_filter filter[] = {
        LOAD(nr), UNLESS(call, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low), UNLESS(value, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low + 4), UNLESS(0, 1),
        DO(SECCOMP_RET_TRAP), DO(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)) abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SHIM_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    set = mmap(NULL, sizeof *set, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (set == MAP_FAILED) abort();
    sets_told = set->sets;
    hide_the_clock();
    sigaction(SIGSYS, &(struct sigaction){.sa_sigaction = trapped, .sa_flags = SA_SIGINFO | SA_RESTART}, NULL);
    sigaction(SIGURG, &(struct sigaction){.sa_handler = was_set, .sa_flags = SA_RESTART}, NULL);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) abort();
    trap(SYS_clock_gettime, 0, CLOCK_REALTIME);
    trap(SYS_timerfd_settime, 1, ALARM);
}
