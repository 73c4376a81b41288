/* A clock and a file system of a harness's own, laid under the processes that it starts by LD_PRELOAD.
 *
 * HARNESS_CONTROL names a file of two 64-bit integers, which all processes map: by how many seconds the wall clock is
 * off, and what is wrong with the files below HARNESS_ROOT: 0 nothing, 1 the disk is full, 2 it is read-only. A full
 * disk takes half of what it is given, once, and then nothing. Monotonic clocks go on as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WELL, FULL, READ_ONLY };

struct control {
  volatile int64_t seconds, disk;
};

static const struct control nothing;
static const struct control *control = &nothing;
static char root[PATH_MAX];

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("HARNESS_CONTROL"), *below = getenv("HARNESS_ROOT");
  int file = path && below ? REAL(open)(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *map = mmap(NULL, sizeof *control, PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (map == MAP_FAILED) return;
  snprintf(root, sizeof root, "%s/", below);
  control = map;
}

/* Whether the file at `path` is on the disk in question; a relative path is, if the working directory is. */
static int below(const char *path) {
  char cwd[PATH_MAX];
  if (!path || !*root) return 0;
  if (*path == '/') return !strncmp(path, root, strlen(root));
  return getcwd(cwd, sizeof cwd) && !strncmp(cwd, root, strlen(root) - 1);
}

static int file_below(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  return *path == '/' && below(path);
}

/* The error of changing `path`: a full disk refuses new names, a read-only one any change. */
static int refused(const char *path, int needs_room) {
  int64_t disk = control->disk;
  if (disk == WELL || (disk == FULL && !needs_room) || !below(path)) return 0;
  return disk == FULL ? ENOSPC : EROFS;
}

#define REFUSE(path, needs_room)              \
  do {                                        \
    int error = refused(path, needs_room);    \
    if (error) return errno = error, -1;      \
  } while (0)

static int opened(const char *path, int flags) {
  int changes = (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
  return changes ? refused(path, flags & O_CREAT && access(path, F_OK)) : 0;
}

#define OPEN(name)                                                        \
  int name(const char *path, int flags, ...) {                            \
    va_list rest;                                                         \
    va_start(rest, flags);                                                \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                         \
    int error = opened(path, flags);                                      \
    if (error) return errno = error, -1;                                  \
    return ((int (*)(const char *, int, ...))real(#name))(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                      \
  int name(int folder, const char *path, int flags, ...) {                \
    va_list rest;                                                         \
    va_start(rest, flags);                                                \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                         \
    int error = *path == '/' ? opened(path, flags) : 0;                   \
    if (error) return errno = error, -1;                                  \
    return ((int (*)(int, const char *, int, ...))real(#name))(folder, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

/* How much of a write the disk takes; -1 with errno for none. */
static ssize_t room(int file, size_t size) {
  static _Thread_local int halved;
  int64_t disk = control->disk;
  if (disk == WELL || !size || !file_below(file)) return halved = 0, (ssize_t)size;
  if (disk == FULL && !halved && size > 1) return halved = 1, (ssize_t)(size / 2);
  errno = disk == FULL ? ENOSPC : EROFS;
  return -1;
}

ssize_t write(int file, const void *bytes, size_t size) {
  ssize_t taken = room(file, size);
  return taken < 0 ? -1 : REAL(write)(file, bytes, (size_t)taken);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) {
  ssize_t taken = room(file, size);
  return taken < 0 ? -1 : REAL(pwrite64)(file, bytes, (size_t)taken, offset);
}

int ftruncate64(int file, off64_t size) {
  if (control->disk == READ_ONLY && file_below(file)) return errno = EROFS, -1;
  return REAL(ftruncate64)(file, size);
}

int rename(const char *from, const char *to) {
  REFUSE(to, 0);
  return REAL(rename)(from, to);
}

int renameat(int here, const char *from, int there, const char *to) {
  REFUSE(to, 0);
  return REAL(renameat)(here, from, there, to);
}

int unlink(const char *path) {
  REFUSE(path, 0);
  return REAL(unlink)(path);
}

int mkdir(const char *path, mode_t mode) {
  if (access(path, F_OK)) REFUSE(path, 1);
  return REAL(mkdir)(path, mode);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = REAL(clock_gettime)(clock, now);
  if (!result && clock == CLOCK_REALTIME) now->tv_sec += control->seconds;
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int result = REAL(gettimeofday)(now, zone);
  if (!result) now->tv_sec += control->seconds;
  return result;
}

time_t time(time_t *now) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME, &exact);
  if (now) *now = exact.tv_sec;
  return exact.tv_sec;
}
