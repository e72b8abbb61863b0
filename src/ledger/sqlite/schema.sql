-- Format 1. Times are microseconds since 1970, UTC. Codes are those of `codes.rs`.

-- One row for each start of a runner, and each run by hand.
CREATE TABLE node(
    id INTEGER PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    name TEXT NOT NULL,             -- as its jobs have it in their environment
    boot_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    by_hand INTEGER NOT NULL,       -- 1: it ran one job by hand, and no fire times
    seen_at INTEGER NOT NULL,       -- when it last wrote
    stopped_at INTEGER,             -- NULL: it runs, or was not stopped by itself
    batches INTEGER NOT NULL,       -- how many batches it has written
    first_fire INTEGER NOT NULL     -- rows in `fire` from this id on are by it or by later ones
) STRICT;

-- What is kept of a job for ever.
CREATE TABLE job(
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last_number INTEGER NOT NULL,   -- of its runs; 0: none yet
    claims INTEGER NOT NULL,        -- of runs for its fire times, since it was added
    clock_epoch INTEGER,            -- the watermark: all fire times of this epoch
    accounted INTEGER,              --   up to this instant are accounted for
    accounted_is_fire_time INTEGER, --   0: it is the moment at which a definition came into force
    last_fire_time INTEGER,
    asked_epoch INTEGER,            -- the newest run that no trigger names
    asked INTEGER,
    fires INTEGER NOT NULL,         -- its rows in `fire`
    bytes INTEGER NOT NULL,         --   and what they take, about
    newest_ended INTEGER            -- the row in `fire` that ended last: it is not pruned
) STRICT;

-- Which fire times a job has had: those after `from_instant`, up to and with `until_instant`.
CREATE TABLE definition(
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    clock_epoch INTEGER NOT NULL,
    from_instant INTEGER NOT NULL,
    until_instant INTEGER,          -- NULL: it is in force
    schedule TEXT,                  -- NULL: none
    zone TEXT NOT NULL,
    zone_data TEXT
) STRICT;
CREATE INDEX definition_job ON definition(job);

-- The jobs that are paused.
CREATE TABLE pause(
    job INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,
    until INTEGER,                  -- NULL: until it is resumed
    reason TEXT,
    who TEXT
) STRICT;

-- The jobs that are known as a whole, and come back with the next runner.
CREATE TABLE stored(
    job INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

-- One row for each fire time, request, or stretch of fire times.
CREATE TABLE fire(
    id INTEGER PRIMARY KEY,         -- in the order in which they became known
    job INTEGER NOT NULL,
    instant INTEGER NOT NULL,
    series INTEGER NOT NULL,        -- clock epoch * 8 + class of the cause
    fire_time INTEGER,              -- NULL: it is `instant`
    number INTEGER,                 -- NULL: not claimed
    cause INTEGER NOT NULL,
    outcome INTEGER,                -- NULL: open, with a row in `open`
    late_ms INTEGER,
    attempts INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    duration_ms INTEGER,
    exit_code INTEGER,
    signal INTEGER,
    user_ms INTEGER,
    system_ms INTEGER,
    max_rss_kib INTEGER,
    output_bytes INTEGER,
    output_dropped_bytes INTEGER,
    node INTEGER NOT NULL,          -- who wrote it last
    reason TEXT,
    into_instant INTEGER,           -- of a coalesced one: its heir
    count INTEGER,                  -- of a stretch: how many,
    last_instant INTEGER,           --   and the last of them
    after_run TEXT,                 -- of a dependency: the finish that made it due
    after_outcome INTEGER,
    after_exit_code INTEGER,
    UNIQUE(job, instant, series)
) STRICT;
CREATE UNIQUE INDEX fire_number ON fire(job, number) WHERE number IS NOT NULL;
CREATE INDEX fire_not_succeeded ON fire(outcome, id) WHERE outcome > 0;
CREATE INDEX fire_stretch ON fire(job, series, instant) WHERE count IS NOT NULL;
CREATE INDEX fire_at_other_instant ON fire(job, fire_time) WHERE fire_time IS NOT NULL;

-- What there is beside its row in `fire` of one that is open: it waits, or it was claimed and has not ended.
CREATE TABLE open(
    fire INTEGER PRIMARY KEY,
    claim INTEGER,                  -- counts claims of all jobs; NULL: it waits
    attempts INTEGER NOT NULL,
    started_at INTEGER,             -- the first attempt's process was there
    node INTEGER NOT NULL,          -- whose process the current attempt is
    pid INTEGER,                    -- NULL: none is known
    started_ticks INTEGER,
    pidfd_inode INTEGER
) STRICT;

-- All attempts of runs that had several; of an open run, those that have ended.
CREATE TABLE attempt(
    fire INTEGER NOT NULL,
    number INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    timed_out INTEGER NOT NULL,
    finished_at INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    retry_in_us INTEGER,
    exit_code INTEGER,
    signal INTEGER,
    took_us INTEGER,                -- NULL: there was no process
    user_us INTEGER,
    system_us INTEGER,
    max_rss_kib INTEGER,
    output_bytes INTEGER,
    output_dropped_bytes INTEGER,
    closure INTEGER,                -- how that ended; NULL: it was a process
    spawn_why INTEGER,
    message TEXT,                   -- why there was no process, or what the closure says
    PRIMARY KEY(fire, number)
) STRICT, WITHOUT ROWID;

-- What attempts printed, of those that did: the first bytes and the last.
CREATE TABLE output(
    id INTEGER PRIMARY KEY,
    fire INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    head BLOB NOT NULL,
    tail BLOB NOT NULL,
    UNIQUE(fire, attempt)
) STRICT;

-- Of jobs that run after others: which of those have finished as they ask since the last claim.
CREATE TABLE finished(
    job INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY(job, first)
) STRICT, WITHOUT ROWID;

-- How many fire times rows accounted for that were deleted. All keys of the series up to `through` are taken.
CREATE TABLE pruned(
    job INTEGER NOT NULL,
    series INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    fire_times INTEGER NOT NULL,
    through INTEGER NOT NULL,
    PRIMARY KEY(job, series, outcome)
) STRICT, WITHOUT ROWID;

CREATE TABLE clock_step(
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    by_ms INTEGER NOT NULL
) STRICT;
