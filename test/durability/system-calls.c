// Preloaded into a server under test: what it does to the files below SYSTEM_CALLS_ROOT is written down
// in order, with its data (power-states.test.ts), and at a call that the test has chosen the process is
// killed, or the call fails. The test and the process share one mapped file, SYSTEM_CALLS_LOG: a control
// block, then the records. system-calls.ts knows the same layout.
//
// SYSTEM_CALLS_KINDS: patterns of paths below the root, one a line; the first that matches is the kind.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN, WRITE, TRUNCATE, SYNC, RENAME, LINK, UNLINK, MKDIR, RMDIR, CLOSE, ALLOCATE, UNKNOWN };
enum { COUNT, KILL_BEFORE, KILL_MIDDLE, KILL_AFTER, FAIL, SHORT };
enum { MOST_KINDS = 48, MOST_FILES = 16384, SITE_BYTES = 120, CONTROL_BYTES = 65536, ANY = 255 };

struct control {
  uint64_t sequence; /* of the last operation */
  uint64_t tail;     /* bytes of records */
  uint64_t capacity; /* 0: nothing is recorded */
  uint64_t overflow;
  uint32_t armed, call, kind, nth, action, error, lasting, hits;
  uint32_t counts[16][MOST_KINDS];
};

struct record {
  uint32_t size; /* of it and what follows, a multiple of 8 */
  uint16_t call, kind;
  uint64_t sequence, file, offset, length;
  uint64_t begun; /* of a sync: the last operation before it */
};

static struct control *control;
/* One process at a time has the library; its threads take turns, so that the order is the one that they saw. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char root[1024];
static size_t root_length;
static char *kinds[MOST_KINDS];
static int kind_count;
static uint8_t kind_of_file[MOST_FILES]; /* 0: not ours, else kind + 1 */
static char sites[MOST_FILES][SITE_BYTES];

#define REAL(name) ((__typeof__(&name))real_##name())
#define DECLARE_REAL(name)                                   \
  static void *real_##name(void) {                           \
    static void *found;                                      \
    if (found == NULL) found = dlsym(RTLD_NEXT, #name);      \
    return found;                                            \
  }
DECLARE_REAL(open) DECLARE_REAL(openat) DECLARE_REAL(close) DECLARE_REAL(write) DECLARE_REAL(writev)
DECLARE_REAL(pwrite) DECLARE_REAL(pwritev) DECLARE_REAL(ftruncate) DECLARE_REAL(fsync) DECLARE_REAL(access)
DECLARE_REAL(fdatasync) DECLARE_REAL(rename) DECLARE_REAL(link) DECLARE_REAL(unlink) DECLARE_REAL(mkdir)
DECLARE_REAL(rmdir) DECLARE_REAL(fallocate) DECLARE_REAL(posix_fallocate) DECLARE_REAL(mmap)
DECLARE_REAL(syscall) DECLARE_REAL(copy_file_range) DECLARE_REAL(sendfile64)

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("SYSTEM_CALLS_LOG"), *folder = getenv("SYSTEM_CALLS_ROOT");
  char *patterns = getenv("SYSTEM_CALLS_KINDS");
  if (log == NULL || folder == NULL || patterns == NULL) return;
  root_length = strlen(folder);
  if (root_length >= sizeof root) abort();
  memcpy(root, folder, root_length + 1);
  char *copy = strdup(patterns), *rest = copy;
  for (char *line; (line = strsep(&rest, "\n")) != NULL && kind_count < MOST_KINDS;) kinds[kind_count++] = line;
  int file = REAL(open)(log, O_RDWR | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) abort();
  void *mapped = REAL(mmap)(NULL, status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (mapped == MAP_FAILED) abort();
  REAL(close)(file);
  control = mapped;
  void *warm[2];
  backtrace(warm, 2);
}

static void lock(void) { pthread_mutex_lock(&turn); }
static void unlock(void) { pthread_mutex_unlock(&turn); }

/* 0 when the path is not below the root, else its kind + 1. */
static int kind_of_path(const char *path) {
  if (control == NULL || path == NULL || strncmp(path, root, root_length) != 0) return 0;
  if (path[root_length] != '/' && path[root_length] != 0) return 0;
  const char *below = path + root_length + (path[root_length] == '/');
  size_t length = strlen(below);
  /* The index of SQLite's log is memory that happens to have a name. */
  if (length > 4 && strcmp(below + length - 4, "-shm") == 0) return 0;
  for (int kind = 0; kind < kind_count; kind++)
    if (fnmatch(kinds[kind], below, FNM_PATHNAME) == 0) return kind + 1;
  return kind_count + 1;
}

static int kind_of(int file) { return control == NULL || file < 0 || file >= MOST_FILES ? 0 : kind_of_file[file]; }

static uint64_t number_of(int file) {
  struct stat status;
  return fstat(file, &status) == 0 ? status.st_ino : 0;
}

static uint64_t size_of(int file) {
  struct stat status;
  return fstat(file, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* The lock is held. */
static void note(int call, int kind, struct record record, const struct iovec *parts, int count) {
  record.call = call;
  record.kind = kind - 1;
  record.sequence = ++control->sequence;
  if (control->capacity == 0) return;
  uint64_t bytes = 0;
  for (int at = 0; at < count; at++) bytes += parts[at].iov_len;
  uint64_t size = (sizeof record + bytes + 7) & ~7ull;
  if (control->overflow || control->tail + size > control->capacity) {
    control->overflow = 1;
    return;
  }
  char *to = (char *)control + CONTROL_BYTES + control->tail;
  record.size = size;
  memcpy(to, &record, sizeof record);
  to += sizeof record;
  for (int at = 0; at < count; at++) {
    memcpy(to, parts[at].iov_base, parts[at].iov_len);
    to += parts[at].iov_len;
  }
  control->tail += size;
}

static void note_path(int call, int kind, uint64_t file, const char *path) {
  struct iovec parts = {(void *)path, strlen(path)};
  note(call, kind, (struct record){.file = file, .length = parts.iov_len}, &parts, 1);
}

static void note_paths(int call, int kind, const char *from, const char *to) {
  struct iovec parts[] = {{(void *)from, strlen(from)}, {(void *)to, strlen(to)}};
  note(call, kind, (struct record){.length = parts[0].iov_len, .offset = parts[1].iov_len}, parts, 2);
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* The action for this call; those that kill at once do not return. */
static int chosen(int call, int kind) {
  __atomic_add_fetch(&control->counts[call][kind - 1], 1, __ATOMIC_RELAXED);
  if (!control->armed || (control->call != ANY && control->call != (uint32_t)call)) return COUNT;
  if (control->kind != ANY && control->kind != (uint32_t)(kind - 1)) return COUNT;
  uint32_t hit = __atomic_add_fetch(&control->hits, 1, __ATOMIC_SEQ_CST);
  if (hit != control->nth && !(control->lasting && hit > control->nth)) return COUNT;
  if (control->action == KILL_BEFORE) die();
  return control->action;
}

static int failed(void) {
  errno = control->error;
  return -1;
}

static void ended(int action) {
  if (action == KILL_AFTER || action == KILL_MIDDLE) die();
}

static int opened(int folder, const char *path, int flags, mode_t mode) {
  int kind = folder == AT_FDCWD ? kind_of_path(path) : 0;
  if (kind == 0) return REAL(openat)(folder, path, flags, mode);
  int creates = (flags & O_CREAT) != 0;
  int action = creates ? chosen(OPEN, kind) : COUNT;
  if (action == FAIL) return failed();
  lock();
  int is_new = creates && REAL(access)(path, F_OK) != 0;
  int file = REAL(openat)(folder, path, flags, mode);
  int error = errno;
  if (file >= MOST_FILES) abort();
  if (file >= 0) {
    kind_of_file[file] = kind;
    sites[file][0] = 0;
    if (is_new) note_path(OPEN, kind, number_of(file), path);
    else if ((flags & O_TRUNC) != 0) note(TRUNCATE, kind, (struct record){.file = number_of(file)}, NULL, 0);
  }
  unlock();
  ended(action);
  errno = error;
  return file;
}

#define MODE(flags, mode)                          \
  mode_t mode = 0;                                 \
  if ((flags) & (O_CREAT | O_TMPFILE)) {           \
    va_list list;                                  \
    va_start(list, flags);                         \
    mode = va_arg(list, mode_t);                   \
    va_end(list);                                  \
  }
int open(const char *path, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, mode) return opened(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE(flags, mode) return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE(flags, mode) return opened(at, path, flags, mode); }

int close(int file) {
  int kind = kind_of(file);
  if (kind == 0) return REAL(close)(file);
  int action = chosen(CLOSE, kind);
  kind_of_file[file] = 0;
  int result = REAL(close)(file);
  ended(action);
  return action == FAIL ? failed() : result;
}

/* libuv closes files this way. */
long syscall(long number, ...) {
  long given[6];
  va_list list;
  va_start(list, number);
  for (int at = 0; at < 6; at++) given[at] = va_arg(list, long);
  va_end(list);
  if (number == SYS_close) return close((int)given[0]);
  return REAL(syscall)(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

/* `offset` below 0: where the file stands. */
static ssize_t written(int file, const struct iovec *given, int count, off_t offset) {
  int kind = kind_of(file), action = chosen(WRITE, kind);
  if (action == FAIL) return failed();
  struct iovec half;
  if ((action == SHORT || action == KILL_MIDDLE) && count > 0) {
    half = (struct iovec){given[0].iov_base, (given[0].iov_len + 1) / 2};
    given = &half;
    count = 1;
  }
  lock();
  ssize_t result;
  struct record record = {.file = number_of(file), .offset = offset};
  if (offset < 0) {
    int appends = (fcntl(file, F_GETFL) & O_APPEND) != 0;
    record.offset = appends ? size_of(file) : (uint64_t)lseek(file, 0, SEEK_CUR);
    result = REAL(writev)(file, given, count);
  } else {
    result = REAL(pwritev)(file, given, count, offset);
  }
  int error = errno;
  record.length = result;
  if (result > 0) note(WRITE, kind, record, given, count);
  unlock();
  ended(action);
  errno = error;
  return result;
}

ssize_t write(int file, const void *bytes, size_t length) {
  if (kind_of(file) == 0) return REAL(write)(file, bytes, length);
  return written(file, &(struct iovec){(void *)bytes, length}, 1, -1);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
  return kind_of(file) == 0 ? REAL(writev)(file, parts, count) : written(file, parts, count, -1);
}
ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) {
  if (kind_of(file) == 0) return REAL(pwrite)(file, bytes, length, offset);
  return written(file, &(struct iovec){(void *)bytes, length}, 1, offset);
}
ssize_t pwrite64(int file, const void *bytes, size_t length, off_t offset) { return pwrite(file, bytes, length, offset); }
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
  return kind_of(file) == 0 ? REAL(pwritev)(file, parts, count, offset) : written(file, parts, count, offset);
}
ssize_t pwritev64(int file, const struct iovec *parts, int count, off_t offset) { return pwritev(file, parts, count, offset); }

int ftruncate(int file, off_t length) {
  int kind = kind_of(file);
  if (kind == 0) return REAL(ftruncate)(file, length);
  int action = chosen(TRUNCATE, kind);
  if (action == FAIL) return failed();
  lock();
  int result = REAL(ftruncate)(file, length);
  int error = errno;
  struct record record = {.file = number_of(file), .length = length};
  if (result == 0) note(TRUNCATE, kind, record, NULL, 0);
  unlock();
  ended(action);
  errno = error;
  return result;
}
int ftruncate64(int file, off_t length) { return ftruncate(file, length); }

/* Where in the program: what sync-sites.ts has said of this file, else the addresses that called. */
static void describe(int file, char *site) {
  if (file < MOST_FILES && sites[file][0] != 0) {
    memcpy(site, sites[file], SITE_BYTES);
    return;
  }
  void *frames[12];
  int count = backtrace(frames, 12);
  size_t used = snprintf(site, SITE_BYTES, "native");
  for (int at = 2; at < count && at < 8; at++) {
    Dl_info info;
    struct link_map *map = NULL;
    if (dladdr1(frames[at], &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || map == NULL) break;
    /* As the program's own table of symbols has it. */
    used += snprintf(site + used, SITE_BYTES - used, " %lx", (uint64_t)frames[at] - map->l_addr);
    if (used >= SITE_BYTES) break;
  }
}

/* While a log is written nothing needs the real sync: what it would have done is worked out later. */
static int synced(int file, int is_data) {
  int kind = kind_of(file);
  int (*real)(int) = is_data ? REAL(fdatasync) : REAL(fsync);
  if (kind == 0) return real(file);
  int action = chosen(SYNC, kind);
  if (action == FAIL) return failed();
  struct record record = {.file = number_of(file), .offset = is_data, .begun = __atomic_load_n(&control->sequence, __ATOMIC_SEQ_CST)};
  int result = 0;
  if (control->capacity == 0) result = real(file);
  else usleep(1000); /* as long as a disk takes: so much happens meanwhile */
  int error = errno;
  char site[SITE_BYTES] = "";
  if (control->capacity > 0) describe(file, site);
  lock();
  record.length = strlen(site);
  if (result == 0) note(SYNC, kind, record, &(struct iovec){site, record.length}, 1);
  unlock();
  ended(action);
  errno = error;
  return result;
}
int fsync(int file) { return synced(file, 0); }
int fdatasync(int file) { return synced(file, 1); }

/* What is done to names: `run` under the lock, then written down. */
#define NAMES(call, path, run, written_down)              \
  int kind = kind_of_path(path);                          \
  if (kind == 0) return run;                              \
  int action = chosen(call, kind);                        \
  if (action == FAIL) return failed();                    \
  lock();                                                 \
  int result = run;                                       \
  int error = errno;                                      \
  if (result == 0) written_down;                          \
  unlock();                                               \
  ended(action);                                          \
  errno = error;                                          \
  return result;
int rename(const char *from, const char *to) { NAMES(RENAME, to, REAL(rename)(from, to), note_paths(RENAME, kind, from, to)) }
int link(const char *from, const char *to) { NAMES(LINK, to, REAL(link)(from, to), note_paths(LINK, kind, from, to)) }
int unlink(const char *path) { NAMES(UNLINK, path, REAL(unlink)(path), note_path(UNLINK, kind, 0, path)) }
int rmdir(const char *path) { NAMES(RMDIR, path, REAL(rmdir)(path), note_path(RMDIR, kind, 0, path)) }
static uint64_t number_of_path(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? status.st_ino : 0;
}
int mkdir(const char *path, mode_t mode) {
  NAMES(MKDIR, path, REAL(mkdir)(path, mode), note_path(MKDIR, kind, number_of_path(path), path))
}

static int allocated(int file, off_t offset, off_t length) {
  int kind = kind_of(file), action = chosen(ALLOCATE, kind);
  if (action == FAIL) return failed();
  lock();
  int result = REAL(fallocate)(file, 0, offset, length);
  int error = errno;
  struct record record = {.file = number_of(file), .offset = offset, .length = length};
  if (result == 0) note(ALLOCATE, kind, record, NULL, 0);
  unlock();
  ended(action);
  errno = error;
  return result;
}
int fallocate(int file, int mode, off_t offset, off_t length) {
  return kind_of(file) == 0 || mode != 0 ? REAL(fallocate)(file, mode, offset, length) : allocated(file, offset, length);
}
int fallocate64(int file, int mode, off_t offset, off_t length) { return fallocate(file, mode, offset, length); }
int posix_fallocate(int file, off_t offset, off_t length) {
  if (kind_of(file) == 0) return REAL(posix_fallocate)(file, offset, length);
  return allocated(file, offset, length) == 0 ? 0 : errno;
}
int posix_fallocate64(int file, off_t offset, off_t length) { return posix_fallocate(file, offset, length); }

/* Ways to change a file that nobody has taught this library: the test fails when it sees one. */
static void unknown(int file, const char *what) {
  int kind = kind_of(file);
  if (kind == 0) return;
  lock();
  note_path(UNKNOWN, kind, number_of(file), what);
  unlock();
}
void *mmap(void *at, size_t length, int protection, int flags, int file, off_t offset) {
  if ((flags & MAP_SHARED) && (protection & PROT_WRITE)) unknown(file, "mmap");
  return REAL(mmap)(at, length, protection, flags, file, offset);
}
void *mmap64(void *at, size_t length, int protection, int flags, int file, off_t offset) {
  return mmap(at, length, protection, flags, file, offset);
}
ssize_t copy_file_range(int from, off_t *from_at, int to, off_t *to_at, size_t length, unsigned flags) {
  unknown(to, "copy_file_range");
  return REAL(copy_file_range)(from, from_at, to, to_at, length, flags);
}
ssize_t sendfile64(int to, int from, off_t *offset, size_t length) {
  unknown(to, "sendfile");
  return REAL(sendfile64)(to, from, offset, length);
}
ssize_t sendfile(int to, int from, off_t *offset, size_t length) { return sendfile64(to, from, offset, length); }

/* sync-sites.ts says where in the program the next sync of a file comes from, by asking for a name that nobody has. */
int access(const char *path, int mode) {
  static const char marker[] = "/sync-site/";
  if (control == NULL || strncmp(path, marker, sizeof marker - 1) != 0) return REAL(access)(path, mode);
  char *site = NULL;
  long file = strtol(path + sizeof marker - 1, &site, 10);
  if (file >= 0 && file < MOST_FILES && *site == '/') snprintf(sites[file], SITE_BYTES, "%s", site + 1);
  return 0;
}
