// Preloaded into a server under test. While the file exists that SYNC_FAULTS_WHILE names, the syncs
// that SYNC_FAULTS names (all, log, blobs, folders) are left out and said to have gone well; with
// `broken` all of them fail with EIO. A test of durability that does not notice this proves nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_log(const char *path) {
  size_t length = strlen(path);
  return length > 4 && strcmp(path + length - 4, "-wal") == 0;
}

static int is_dropped(const char *which, int file) {
  if (strcmp(which, "all") == 0) return 1;
  struct stat status;
  if (fstat(file, &status) != 0) return 0;
  if (S_ISDIR(status.st_mode)) return strcmp(which, "folders") == 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  if (strcmp(which, "log") == 0) return is_log(path);
  return strcmp(which, "blobs") == 0 && strstr(path, "/storage/") != NULL;
}

static int sync_with(const char *name, int file) {
  const char *which = getenv("SYNC_FAULTS");
  const char *marker = getenv("SYNC_FAULTS_WHILE");
  if (which != NULL && marker != NULL && access(marker, F_OK) == 0) {
    if (strcmp(which, "broken") == 0) {
      errno = EIO;
      return -1;
    }
    if (is_dropped(which, file)) return 0;
  }
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return real(file);
}

int fsync(int file) { return sync_with("fsync", file); }
int fdatasync(int file) { return sync_with("fdatasync", file); }
