/* Records what a process does to the files below one directory, in the order in which it does it.
 *
 * Loaded with LD_PRELOAD. RECORD_BELOW names the directory, RECORD_TO the journal that is appended
 * to. With RECORD_KILL_CALL=NUMBER and RECORD_KILL_NAME=END the process is killed right after a call
 * of that kind about a name that ends so. `record_mark(text)` writes a mark. `journal.py` reads the journal, and says what the fields of a record are.
 *
 * Each call is made and written down under one lock, so the order in the journal is the order on
 * the file system. A database's "-shm" is left out: it is memory that happens to have a name.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, SYNC_DIRECTORY, LINK, RENAME, UNLINK, MKDIR, MARK };
enum { MOST_FILES = 4096 };

struct record {
    uint32_t call, size_a, size_b, unused;
    uint64_t inode, place;
};

static struct { char *path; uint64_t inode; int is_directory; } files[MOST_FILES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char below[PATH_MAX];
static int journal = -1;
static const char *kill_name;
static int kill_call;

#define REAL(type, name, ...)                                        \
    static type (*real_##name)(__VA_ARGS__);                         \
    if (!real_##name) real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *root = getenv("RECORD_BELOW"), *to = getenv("RECORD_TO");
    const char *call = getenv("RECORD_KILL_CALL");
    if (!root || !to || !realpath(root, below)) return;
    kill_name = getenv("RECORD_KILL_NAME");
    if (call && kill_name) kill_call = atoi(call);
    journal = syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (journal < 0) abort();
}

static void put(const void *data, size_t size) {
    while (size) {
        ssize_t done = syscall(SYS_write, journal, data, size);
        if (done <= 0) abort();
        data = (const char *)data + done;
        size -= done;
    }
}

static int ends_so(const char *name, size_t size) {
    size_t end = strlen(kill_name);
    return size >= end && !memcmp(name + size - end, kill_name, end);
}

static void record(int call, uint64_t inode, uint64_t place, const void *a, size_t size_a,
                   const void *b, size_t size_b) {
    struct record head = {call, size_a, size_b, 0, inode, place};
    put(&head, sizeof head);
    put(a, size_a);
    put(b, size_b);
    if (call == kill_call && (ends_so(a, size_a) || ends_so(b, size_b))) raise(SIGKILL);
}

static void record_names(int call, const char *a, const char *b) {
    record(call, 0, 0, a, strlen(a), b, strlen(b));
}

void record_mark(const char *text) {
    if (journal < 0) return;
    pthread_mutex_lock(&lock);
    record_names(MARK, text, "");
    pthread_mutex_unlock(&lock);
}

static int is_watched(const char *path) {
    size_t size = strlen(below), length = strlen(path);
    if (journal < 0 || strncmp(path, below, size) || (path[size] && path[size] != '/')) return 0;
    return length < 4 || strcmp(path + length - 4, "-shm");
}

static int watched(int file) {
    return journal >= 0 && file >= 0 && file < MOST_FILES && files[file].path;
}

static int opened(int file, const char *path, int flags, int was_there) {
    struct stat info;
    if (file < 0 || file >= MOST_FILES || fstat(file, &info)) return file;
    files[file].path = strdup(path);
    files[file].inode = info.st_ino;
    files[file].is_directory = S_ISDIR(info.st_mode);
    if (!was_there)
        record(CREATE, info.st_ino, 0, path, strlen(path), "", 0);
    else if (flags & O_TRUNC)
        record(TRUNCATE, info.st_ino, 0, "", 0, "", 0);
    return file;
}

static int open_at(int directory, const char *path, int flags, mode_t mode) {
    if (path[0] != '/' || !is_watched(path))
        return syscall(SYS_openat, directory, path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat info;
    int was_there = !stat(path, &info);
    int file = syscall(SYS_openat, directory, path, flags, mode), error = errno;
    opened(file, path, flags, was_there);
    pthread_mutex_unlock(&lock);
    errno = error;
    return file;
}

#define MODE(flags)                                                  \
    mode_t mode = 0;                                                 \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                           \
        va_list rest;                                                \
        va_start(rest, flags);                                       \
        mode = va_arg(rest, mode_t);                                 \
        va_end(rest);                                                \
    }

int open(const char *path, int flags, ...) {
    MODE(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags)
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...) {
    MODE(flags)
    return open_at(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...) {
    MODE(flags)
    return open_at(directory, path, flags, mode);
}

int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }

int close(int file) {
    REAL(int, close, int);
    pthread_mutex_lock(&lock);
    if (watched(file)) {
        free(files[file].path);
        files[file].path = NULL;
    }
    int result = real_close(file), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    if (!watched(file)) return real_write(file, data, size);
    pthread_mutex_lock(&lock);
    ssize_t done = real_write(file, data, size);
    int error = errno;
    if (done > 0) {
        off_t end = lseek(file, 0, SEEK_CUR);
        record(WRITE, files[file].inode, end - done, data, done, "", 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

static ssize_t write_at(int file, const void *data, size_t size, off64_t place) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    if (!watched(file)) return real_pwrite64(file, data, size, place);
    pthread_mutex_lock(&lock);
    ssize_t done = real_pwrite64(file, data, size, place);
    int error = errno;
    if (done > 0) record(WRITE, files[file].inode, place, data, done, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t pwrite(int file, const void *data, size_t size, off_t place) {
    return write_at(file, data, size, place);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t place) {
    return write_at(file, data, size, place);
}

static int cut(int file, off64_t size) {
    REAL(int, ftruncate64, int, off64_t);
    if (!watched(file)) return real_ftruncate64(file, size);
    pthread_mutex_lock(&lock);
    int result = real_ftruncate64(file, size), error = errno;
    if (!result) record(TRUNCATE, files[file].inode, size, "", 0, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int ftruncate(int file, off_t size) { return cut(file, size); }
int ftruncate64(int file, off64_t size) { return cut(file, size); }

static int sync_with(int (*real)(int), int file) {
    if (!watched(file)) return real(file);
    pthread_mutex_lock(&lock);
    int result = real(file), error = errno;
    if (!result && files[file].is_directory)
        record_names(SYNC_DIRECTORY, files[file].path, "");
    else if (!result)
        record(SYNC, files[file].inode, 0, "", 0, "", 0);
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int file) {
    REAL(int, fsync, int);
    return sync_with(real_fsync, file);
}

int fdatasync(int file) {
    REAL(int, fdatasync, int);
    return sync_with(real_fdatasync, file);
}

#define NAMED(call, name, a, b, ...)                                 \
    pthread_mutex_lock(&lock);                                       \
    int result = real_##name(__VA_ARGS__), error = errno;            \
    if (!result && (is_watched(a) || is_watched(b))) record_names(call, a, b); \
    pthread_mutex_unlock(&lock);                                     \
    errno = error;                                                   \
    return result

int link(const char *from, const char *to) {
    REAL(int, link, const char *, const char *);
    NAMED(LINK, link, from, to, from, to);
}

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    NAMED(RENAME, rename, from, to, from, to);
}

int unlink(const char *path) {
    REAL(int, unlink, const char *);
    NAMED(UNLINK, unlink, path, "", path);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    NAMED(MKDIR, mkdir, path, "", path, mode);
}
