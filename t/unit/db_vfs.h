/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * A file system for SQLite that is in memory, and that loses power: of what
 * was written since the last sync of a file nothing, all or any part is there
 * afterwards.  And one whose writes fail.
 */


#ifndef _DB_VFS_H_INCLUDED_
#define _DB_VFS_H_INCLUDED_


#define DB_VFS               "lossy"

typedef enum {
    DB_VFS_NOTHING = 0,     /* of what was not synced is on the disk */
    DB_VFS_ALL,
    DB_VFS_SECTORS,         /* each sector or not, by chance */
    DB_VFS_WRITES,          /* each write or not */
    DB_VFS_LOSSES
} db_vfs_loss_e;


/* registers it, without files; or without files again */
void db_vfs_reset(void);

/* changes of files (writes, cuts, syncs, removals) since reset */
long db_vfs_changes(void);

/* the power goes at the n-th change from reset, which is done in part; all
 * fails from then on.  0: it stays */
void db_vfs_cut_at(long n);
int db_vfs_is_cut(void);

/* the power comes again; all connections are closed */
void db_vfs_power(db_vfs_loss_e loss);

/* changes from the n-th on from now fail with an error of SQLite; 0: none */
void db_vfs_fail_at(long n, int error);


#endif /* _DB_VFS_H_INCLUDED_ */
