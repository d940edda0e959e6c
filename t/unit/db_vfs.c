/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "db_vfs.h"
#include "random.h"


#define VFS_FILES            4
#define VFS_NAME             64
#define VFS_SIZE             (1 << 20)      /* of a file, at most */
#define VFS_SECTOR           512
#define VFS_REGIONS          8


/* a write; data NULL: it was cut to off */

typedef struct vfs_change_s  vfs_change_t;

struct vfs_change_s {
    vfs_change_t            *next;
    size_t                   off;
    size_t                   len;
    unsigned char           *data;
};


typedef struct {
    unsigned char           *data;
    size_t                   len;
} vfs_bytes_t;


typedef struct {
    char                     name[VFS_NAME];
    int                      exists;
    int                      durable;       /* it exists on the disk */
    vfs_bytes_t              now;           /* as it is read */
    vfs_bytes_t              disk;
    vfs_change_t            *changes;       /* from the one to the other */
    vfs_change_t           **last;
    void                    *region[VFS_REGIONS];
} vfs_disk_t;


typedef struct {
    sqlite3_file             file;
    vfs_disk_t              *disk;
    int                      folder;        /* to be synced with it */
} vfs_file_t;


/* a disk needs no memory */
void *__real_calloc(size_t n, size_t size);

static int vfs_close(sqlite3_file *file);
static int vfs_read(sqlite3_file *file, void *buf, int n, sqlite3_int64 off);
static int vfs_write(sqlite3_file *file, const void *buf, int n,
    sqlite3_int64 off);
static int vfs_truncate(sqlite3_file *file, sqlite3_int64 size);
static int vfs_sync(sqlite3_file *file, int flags);
static int vfs_size(sqlite3_file *file, sqlite3_int64 *size);
static int vfs_lock(sqlite3_file *file, int lock);
static int vfs_reserved(sqlite3_file *file, int *reserved);
static int vfs_control(sqlite3_file *file, int op, void *arg);
static int vfs_sector(sqlite3_file *file);
static int vfs_device(sqlite3_file *file);
static int vfs_shm_map(sqlite3_file *file, int n, int size, int extend,
    void volatile **p);
static int vfs_shm_lock(sqlite3_file *file, int off, int n, int flags);
static void vfs_shm_barrier(sqlite3_file *file);
static int vfs_shm_unmap(sqlite3_file *file, int drop);

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
    int flags, int *out);
static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync);
static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out);
static int vfs_full(sqlite3_vfs *vfs, const char *name, int n, char *out);

static vfs_disk_t *vfs_find(const char *name);
static int vfs_step(void);
static void vfs_apply(vfs_bytes_t *b, size_t off, const unsigned char *data,
    size_t len);
static void vfs_note(vfs_disk_t *d, size_t off, const void *data, size_t len);
static void vfs_synced(vfs_disk_t *d);
static void vfs_forget(vfs_disk_t *d);
static void vfs_lose(vfs_disk_t *d, const vfs_change_t *c, db_vfs_loss_e loss);
static void vfs_unmap(vfs_disk_t *d);


static const sqlite3_io_methods  vfs_methods = {
    2, vfs_close, vfs_read, vfs_write, vfs_truncate, vfs_sync, vfs_size,
    vfs_lock, vfs_lock, vfs_reserved, vfs_control, vfs_sector, vfs_device,
    vfs_shm_map, vfs_shm_lock, vfs_shm_barrier, vfs_shm_unmap, NULL, NULL
};

static vfs_disk_t  vfs_disks[VFS_FILES];
static long        vfs_n, vfs_cut, vfs_fail_from;
static int         vfs_error, vfs_is_off;


/* ---- what tests call ---- */

void
db_vfs_reset(void)
{
    size_t  i;

    static sqlite3_vfs  vfs = {
        .iVersion = 1, .szOsFile = sizeof(vfs_file_t), .mxPathname = VFS_NAME,
        .zName = DB_VFS, .xOpen = vfs_open, .xDelete = vfs_delete,
        .xAccess = vfs_access, .xFullPathname = vfs_full
    };

    if (sqlite3_vfs_find(DB_VFS) == NULL) {
        (void) sqlite3_vfs_register(&vfs, 0);
    }

    for (i = 0; i < VFS_FILES; i++) {
        vfs_forget(&vfs_disks[i]);
        vfs_unmap(&vfs_disks[i]);
        free(vfs_disks[i].now.data);
        free(vfs_disks[i].disk.data);
    }

    memset(vfs_disks, 0, sizeof(vfs_disks));

    vfs_n = 0;
    vfs_cut = 0;
    vfs_is_off = 0;
    vfs_fail_from = 0;
}


long
db_vfs_changes(void)
{
    return vfs_n;
}


void
db_vfs_cut_at(long n)
{
    vfs_cut = n;
}


int
db_vfs_is_cut(void)
{
    return vfs_is_off;
}


void
db_vfs_fail_at(long n, int error)
{
    vfs_fail_from = n ? vfs_n + n : 0;
    vfs_error = error;
}


void
db_vfs_power(db_vfs_loss_e loss)
{
    vfs_disk_t    *d;
    vfs_change_t  *c;

    for (d = vfs_disks; d < vfs_disks + VFS_FILES; d++) {

        for (c = d->changes; c != NULL; c = c->next) {
            vfs_lose(d, c, loss);
        }

        /* a name that was made or removed may be there or not */

        if (d->exists != d->durable && loss != DB_VFS_NOTHING
            && (loss == DB_VFS_ALL || ae_random() % 2))
        {
            d->durable = d->exists;
        }

        if (!d->durable) {
            d->disk.len = 0;
        }

        d->exists = d->durable;
        d->now.len = 0;

        if (d->disk.len != 0) {
            vfs_apply(&d->now, 0, d->disk.data, d->disk.len);
        }

        vfs_forget(d);
        vfs_unmap(d);
    }

    vfs_cut = 0;
    vfs_is_off = 0;
}


static void
vfs_lose(vfs_disk_t *d, const vfs_change_t *c, db_vfs_loss_e loss)
{
    size_t  off, n;

    if (loss == DB_VFS_NOTHING || (loss == DB_VFS_WRITES && ae_random() % 2)) {
        return;
    }

    if (c->data == NULL) {

        if (d->disk.len > c->off) {
            d->disk.len = c->off;
        }

        return;
    }

    if (loss != DB_VFS_SECTORS) {
        vfs_apply(&d->disk, c->off, c->data, c->len);
        return;
    }

    for (off = 0; off < c->len; off += n) {
        n = VFS_SECTOR - (c->off + off) % VFS_SECTOR;

        if (n > c->len - off) {
            n = c->len - off;
        }

        if (ae_random() % 2) {
            vfs_apply(&d->disk, c->off + off, c->data + off, n);
        }
    }
}


/* whether the next change is done */

static int
vfs_step(void)
{
    if (vfs_is_off) {
        return SQLITE_IOERR;
    }

    vfs_n++;

    if (vfs_n == vfs_cut) {
        vfs_is_off = 1;
        return SQLITE_IOERR;
    }

    return (vfs_fail_from != 0 && vfs_n >= vfs_fail_from) ? vfs_error
                                                          : SQLITE_OK;
}


static vfs_disk_t *
vfs_find(const char *name)
{
    vfs_disk_t  *d;

    for (d = vfs_disks; d < vfs_disks + VFS_FILES; d++) {

        if (d->name[0] == '\0') {
            snprintf(d->name, VFS_NAME, "%s", name);
            d->last = &d->changes;
            return d;
        }

        if (strcmp(d->name, name) == 0) {
            return d;
        }
    }

    abort();
}


static void
vfs_apply(vfs_bytes_t *b, size_t off, const unsigned char *data, size_t len)
{
    if (off + len > VFS_SIZE) {
        abort();
    }

    if (b->data == NULL) {
        b->data = __real_calloc(1, VFS_SIZE);
    }

    if (b->len < off) {
        memset(b->data + b->len, 0, off - b->len);
    }

    memcpy(b->data + off, data, len);

    if (b->len < off + len) {
        b->len = off + len;
    }
}


static void
vfs_note(vfs_disk_t *d, size_t off, const void *data, size_t len)
{
    vfs_change_t  *c;

    c = __real_calloc(1, sizeof(vfs_change_t) + len);

    c->off = off;
    c->len = len;

    if (data != NULL) {
        c->data = (unsigned char *) (c + 1);
        memcpy(c->data, data, len);
    }

    *d->last = c;
    d->last = &c->next;
}


static void
vfs_forget(vfs_disk_t *d)
{
    vfs_change_t  *c;

    while ((c = d->changes) != NULL) {
        d->changes = c->next;
        free(c);
    }

    d->last = &d->changes;
}


static void
vfs_synced(vfs_disk_t *d)
{
    vfs_change_t  *c;

    for (c = d->changes; c != NULL; c = c->next) {

        if (c->data != NULL) {
            vfs_apply(&d->disk, c->off, c->data, c->len);

        } else if (d->disk.len > c->off) {
            d->disk.len = c->off;
        }
    }

    vfs_forget(d);
    d->durable = d->exists;
}


static int
vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
    int *out)
{
    vfs_file_t  *f;

    (void) vfs;

    f = (vfs_file_t *) file;
    memset(f, 0, sizeof(vfs_file_t));

    if (name == NULL || vfs_is_off) {
        return SQLITE_CANTOPEN;
    }

    f->disk = vfs_find(name);

    if (!f->disk->exists && !(flags & SQLITE_OPEN_CREATE)) {
        return SQLITE_CANTOPEN;
    }

    /* as SQLite does it */

    f->folder = !f->disk->exists
                && (flags & (SQLITE_OPEN_MAIN_JOURNAL|SQLITE_OPEN_WAL));

    f->disk->exists = 1;
    file->pMethods = &vfs_methods;

    if (out != NULL) {
        *out = flags;
    }

    return SQLITE_OK;
}


static int
vfs_close(sqlite3_file *file)
{
    (void) file;

    return SQLITE_OK;
}


static int
vfs_read(sqlite3_file *file, void *buf, int n, sqlite3_int64 off)
{
    size_t        len;
    vfs_bytes_t  *b;

    b = &((vfs_file_t *) file)->disk->now;

    if (vfs_is_off) {
        return SQLITE_IOERR_READ;
    }

    len = (b->len > (size_t) off) ? b->len - (size_t) off : 0;

    if (len >= (size_t) n) {
        memcpy(buf, b->data + off, (size_t) n);
        return SQLITE_OK;
    }

    memset(buf, 0, (size_t) n);

    if (len != 0) {
        memcpy(buf, b->data + off, len);
    }

    return SQLITE_IOERR_SHORT_READ;
}


static int
vfs_write(sqlite3_file *file, const void *buf, int n, sqlite3_int64 off)
{
    int          rc;
    vfs_disk_t  *d;

    d = ((vfs_file_t *) file)->disk;

    if (vfs_is_off) {
        return SQLITE_IOERR_WRITE;
    }

    rc = vfs_step();

    if (rc == SQLITE_OK || vfs_is_off) {
        vfs_note(d, (size_t) off, buf, (size_t) n);
    }

    if (rc != SQLITE_OK) {
        return (rc == SQLITE_IOERR) ? SQLITE_IOERR_WRITE : rc;
    }

    vfs_apply(&d->now, (size_t) off, buf, (size_t) n);

    return SQLITE_OK;
}


static int
vfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    vfs_disk_t  *d;

    d = ((vfs_file_t *) file)->disk;

    if (vfs_step() != SQLITE_OK) {
        return SQLITE_IOERR_TRUNCATE;
    }

    vfs_note(d, (size_t) size, NULL, 0);

    if (d->now.len > (size_t) size) {
        d->now.len = (size_t) size;
    }

    return SQLITE_OK;
}


static int
vfs_sync(sqlite3_file *file, int flags)
{
    vfs_disk_t  *d;
    vfs_file_t  *f;

    (void) flags;

    f = (vfs_file_t *) file;

    if (vfs_step() != SQLITE_OK) {
        return SQLITE_IOERR_FSYNC;
    }

    vfs_synced(f->disk);

    for (d = vfs_disks; f->folder && d < vfs_disks + VFS_FILES; d++) {

        if (d->exists != d->durable) {
            d->durable = d->exists;
            d->disk.len = 0;
        }
    }

    f->folder = 0;

    return SQLITE_OK;
}


static int
vfs_size(sqlite3_file *file, sqlite3_int64 *size)
{
    *size = (sqlite3_int64) ((vfs_file_t *) file)->disk->now.len;

    return SQLITE_OK;
}


/* one process, and one connection at a time */

static int
vfs_lock(sqlite3_file *file, int lock)
{
    (void) file;
    (void) lock;

    return SQLITE_OK;
}


static int
vfs_reserved(sqlite3_file *file, int *reserved)
{
    (void) file;

    *reserved = 0;

    return SQLITE_OK;
}


static int
vfs_control(sqlite3_file *file, int op, void *arg)
{
    (void) file;
    (void) op;
    (void) arg;

    return SQLITE_NOTFOUND;
}


/* what SQLite takes a disk for where it knows nothing of it */

static int
vfs_sector(sqlite3_file *file)
{
    (void) file;

    return 4096;
}


static int
vfs_device(sqlite3_file *file)
{
    (void) file;

    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}


static int
vfs_shm_map(sqlite3_file *file, int n, int size, int extend,
    void volatile **p)
{
    vfs_disk_t  *d;

    d = ((vfs_file_t *) file)->disk;

    if (n < VFS_REGIONS && d->region[n] == NULL && extend) {
        d->region[n] = __real_calloc(1, (size_t) size);
    }

    *p = d->region[n];

    return SQLITE_OK;
}


static int
vfs_shm_lock(sqlite3_file *file, int off, int n, int flags)
{
    (void) file;
    (void) off;
    (void) n;
    (void) flags;

    return SQLITE_OK;
}


static void
vfs_shm_barrier(sqlite3_file *file)
{
    (void) file;
}


static void
vfs_unmap(vfs_disk_t *d)
{
    size_t  i;

    for (i = 0; i < VFS_REGIONS; i++) {
        free(d->region[i]);
        d->region[i] = NULL;
    }
}


static int
vfs_shm_unmap(sqlite3_file *file, int drop)
{
    (void) drop;

    vfs_unmap(((vfs_file_t *) file)->disk);

    return SQLITE_OK;
}


/* ---- names ---- */

static int
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    vfs_disk_t  *d;

    (void) vfs;

    d = vfs_find(name);

    if (!d->exists) {
        return SQLITE_IOERR_DELETE_NOENT;
    }

    if (vfs_step() != SQLITE_OK) {
        d->exists &= !vfs_is_off;
        return SQLITE_IOERR_DELETE;
    }

    d->exists = 0;
    d->now.len = 0;
    vfs_note(d, 0, NULL, 0);

    if (sync) {
        vfs_synced(d);
    }

    return SQLITE_OK;
}


static int
vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void) vfs;
    (void) flags;

    *out = vfs_find(name)->exists;

    return SQLITE_OK;
}


static int
vfs_full(sqlite3_vfs *vfs, const char *name, int n, char *out)
{
    (void) vfs;

    snprintf(out, (size_t) n, "%s", name);

    return SQLITE_OK;
}
