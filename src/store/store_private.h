/*
 * Copyright (C) the ngx_http_apievents_module authors
 */


#ifndef _NGX_HTTP_APIEVENTS_STORE_PRIVATE_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_STORE_PRIVATE_H_INCLUDED_


#include "store/store.h"


/* a session's text; what ae_buf and the zone take */
#define NGX_HTTP_APIEVENTS_SESSION_MAX  (1024 * 1024)


/* ---- store_document.c ---- */

/* are the fields that are known of the type that they have to be; err tells
 * what is expected and in which line of the text that was parsed */
ngx_int_t ngx_http_apievents_check_session(const ae_value_t *session,
    ae_error_t *err);

ngx_int_t ngx_http_apievents_check_policy(const ae_value_t *policy,
    ae_error_t *err);

/* compact; the members of changes (a map, or NULL) stand for those of the
 * same name, or are added */
void ngx_http_apievents_write_session(ae_buf_t *b, const ae_value_t *session,
    const ae_value_t *changes);

/* the number of that name; 0 if there is none */
double ngx_http_apievents_number(const ae_value_t *map, const char *name);


/* ---- store_plans.c: policies that are stored ---- */

/* an identity of all policies that there are now, not 0 */

static ngx_inline uint64_t
ngx_http_apievents_plans(ngx_http_apievents_store_conf_t *scf)
{
    return (scf->policies_id + scf->zone->store.plans * 0x9e3779b97f4a7c15)
           | 1;
}


/* those that a session names, one that is stored in place of the file's; they
 * live as long as the arena and the configuration; AE_ERROR and *err */
int ngx_http_apievents_plans_of(ngx_http_apievents_store_conf_t *scf,
    ae_arena_t *arena, const ae_value_t *session,
    const ae_policies_t **policies, ae_error_t *err);

/* what plans_of() may take of the arena */
size_t ngx_http_apievents_plans_size(ngx_http_apievents_store_conf_t *scf);

/* by which the zone knows one */
void ngx_http_apievents_plan_ref(ngx_http_apievents_zone_t *zone, ae_str_t id,
    ae_session_ref_t *ref);


/* ---- store_policies.c ---- */

/* merges the policies of a new session into its document */
void ngx_http_apievents_session_merge(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_session_t *session);

/* which members a session or policy uses that nothing is done with; one line
 * about them */
ngx_uint_t ngx_http_apievents_unsupported(const ae_value_t *document);
void ngx_http_apievents_warn_unsupported(ngx_conf_t *cf, ngx_str_t *file,
    ngx_uint_t mask);


/* ---- store_pattern.c ---- */

/* what the session's counters are counted by, where its meta data say so:
 * pattern and limits_id */
void ngx_http_apievents_session_pattern(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session);


/* ---- store_keys.c ---- */

/* what the files said, until it is in the zone */

typedef struct {
    ae_str_t                             name;      /* credential, org */
    ae_id_t                              key_id;    /* to find what is twice */
    ae_str_t                             text;
    ngx_uint_t                           line;
    ngx_uint_t                           policies;  /* it names some */
    size_t                               record;    /* its length at most */
} ngx_http_apievents_loaded_session_t;


typedef struct {
    ngx_str_t                            file;
    ngx_uint_t                           master;    /* line of the first that
                                                       has no access rights */
    ngx_uint_t                           unsupported;
    ngx_uint_t                           n;
    ngx_http_apievents_loaded_session_t *sessions;
} ngx_http_apievents_loaded_file_t;


typedef struct {
    ae_arena_t                          *arena;
    ngx_pool_t                          *pool;      /* of the regexes */
    ngx_rbtree_t                         regexes;   /* that compiled */
    ngx_rbtree_node_t                    sentinel;
    ngx_http_apievents_loaded_file_t     keys;
    ngx_http_apievents_loaded_file_t     orgs;
} ngx_http_apievents_loaded_t;

/* forgets it */
void ngx_http_apievents_loaded_cleanup(void *data);


/* ---- store_load.c ---- */

/* of the loads, and of what was deleted */
#define NGX_HTTP_APIEVENTS_KEYS_SCOPE   1
#define NGX_HTTP_APIEVENTS_ORGS_SCOPE   2

/* do the sessions of the files fit the zone; an emerg line and NGX_ERROR */
ngx_int_t ngx_http_apievents_keys_fit(ngx_http_apievents_store_conf_t *scf,
    ngx_log_t *log);

void ngx_http_apievents_keys_load(ngx_http_apievents_store_conf_t *scf,
    ngx_log_t *log);


/* ---- store_conf.c ---- */

/* what a configuration without api_store has; api_zone's place stands for it
 * in messages */
void ngx_http_apievents_db_default(ngx_conf_t *cf,
    ngx_http_apievents_db_conf_t *db);

/* when the http block is complete: is there a store, and where */
ngx_int_t ngx_http_apievents_db_init(ngx_conf_t *cf);


/* ---- store_thread.c ---- */

/* in the master, before workers start; without a pool, which is as good as
 * none, a worker writes by itself and waits for the disk */
ngx_int_t ngx_http_apievents_db_thread(ngx_cycle_t *cycle,
    ngx_http_apievents_db_conf_t *db);


/* ---- store_begin.c ---- */

/*
 * Before a configuration is used, in time to refuse it: is the database whole
 * and ours; unless it is a trial, the folder is made and the instance lock
 * taken, which goes with the cycle.  An emerg line and NGX_ERROR.
 */
ngx_int_t ngx_http_apievents_db_begin(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log);

/*
 * Acts as a worker between the two, so that files get the right owner; of a
 * process that has one thread.  NGX_ERROR: an alert line.
 */
ngx_int_t ngx_http_apievents_db_become(ngx_cycle_t *cycle, ngx_log_t *log);
void ngx_http_apievents_db_return(ngx_cycle_t *cycle, ngx_log_t *log);


/* ---- store_lock.c ---- */

/*
 * One nginx uses a database: its master holds the lock of an open file that
 * all of its processes inherit.  A master that a running one has started for
 * an upgrade shares it; its workers take it over when it becomes free.
 */
ngx_int_t ngx_http_apievents_db_lock(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log);

/* has the last configuration's cycle that same lock */
ngx_uint_t ngx_http_apievents_db_locked(ngx_cycle_t *cycle,
    ngx_http_apievents_db_conf_t *db);

/* in a worker: the lock of one that is gone, and the master's pid into it */
void ngx_http_apievents_db_lock_take(ngx_http_apievents_db_conf_t *db);


/* is there no other nginx that uses it: what others left is free */
ngx_uint_t ngx_http_apievents_db_alone(ngx_cycle_t *cycle,
    ngx_http_apievents_db_conf_t *db);


/* ---- store_keeper.c ---- */

ngx_int_t ngx_http_apievents_keeper_start(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf);
void ngx_http_apievents_keeper_stop(ngx_http_apievents_store_conf_t *scf);


/* ---- store_session.c ---- */

/* what stands for the KeyID of an organisation, which has none */
ae_id_t ngx_http_apievents_key_id_of_org(ngx_http_apievents_zone_t *zone,
    ae_id_t id);

ngx_http_apievents_session_t *ngx_http_apievents_session_compile(
    ngx_http_apievents_store_conf_t *scf, ae_session_ref_t *ref,
    u_char *text);
void ngx_http_apievents_session_destroy(
    ngx_http_apievents_session_t *session);

void ngx_http_apievents_cache_free(ngx_http_apievents_store_conf_t *scf);

/* as ngx_http_apievents_session_find(), for who has no request */
ngx_int_t ngx_http_apievents_session_get(ngx_http_apievents_store_conf_t *scf,
    ae_id_t id, ngx_http_apievents_session_t **session);


/* ---- store_text.c ---- */

/* NULL: there is no zone */
ngx_http_apievents_main_conf_t *ngx_http_apievents_text_conf(void);

/* by credential or KeyID; NGX_DECLINED */
ngx_int_t ngx_http_apievents_text_find(ngx_http_apievents_zone_t *zone,
    ngx_str_t *key, ae_session_ref_t *ref);

/* ids of a credential that has none; what is no credential is an error */
ngx_int_t ngx_http_apievents_text_new(ngx_http_apievents_zone_t *zone,
    ngx_str_t *key, ae_session_ref_t *ref, ae_error_t *err);

/* as ngx_http_apievents_session_check() */
ngx_int_t ngx_http_apievents_text_check(ngx_http_apievents_main_conf_t *mcf,
    const ae_value_t *document, ngx_uint_t org, ae_error_t *err);

/* checked, and as it is kept, in b, to be freed in any case */
ngx_int_t ngx_http_apievents_text_make(ngx_http_apievents_main_conf_t *mcf,
    ngx_str_t *text, ngx_uint_t org, ngx_uint_t reset, ae_buf_t *b,
    ae_error_t *err);

/* do the patterns of access_rights compile */
ngx_int_t ngx_http_apievents_rights_valid(const ae_value_t *rights,
    ae_error_t *err);

void ngx_http_apievents_text_reset(ngx_http_apievents_main_conf_t *mcf,
    ae_id_t id);

/* always NGX_ERROR */
ngx_int_t ngx_http_apievents_text_error(ae_error_t *err, const char *text);


/* ---- store_write.c ---- */

/* looks whether others left what the zone does not have, as its keeper */
void ngx_http_apievents_write_look(ngx_http_apievents_store_conf_t *scf);

/* all that was accepted, at a worker's end */
void ngx_http_apievents_write_stop(void);


/* ---- store_follow.c ---- */

/*
 * What the zone does not have yet of the database; whoever calls it has the
 * writer's lock.  group: what was just committed, or NULL; NGX_ERROR: the
 * database's.
 */
ngx_int_t ngx_http_apievents_follow(ngx_http_apievents_store_conf_t *scf,
    ae_db_t *db, ngx_queue_t *group);

/* in the master, before workers start: all of another database, for a zone
 * that is new or had none */
void ngx_http_apievents_follow_in(ngx_cycle_t *cycle,
    ngx_http_apievents_store_conf_t *scf, ngx_log_t *log);

/* drops deletions that nobody needs any more; as work() */
int ngx_http_apievents_follow_forget(ngx_http_apievents_store_conf_t *scf,
    ae_db_t *db);


/* ---- store_change.c ---- */

/* for who has put a session ahead, with that version: NGX_OK or NGX_BUSY */
ngx_int_t ngx_http_apievents_change_later(ae_session_ref_t *ref,
    ae_str_t text, ngx_log_t *log);


/* ---- store_record.c ---- */

/*
 * As ngx_http_apievents_session_find() for a session that has a record, which
 * has to be kept; NGX_OK with no session: its text is needed.
 */
ngx_int_t ngx_http_apievents_record_find(ngx_http_apievents_store_conf_t *scf,
    ae_id_t id, ae_session_ref_t *ref,
    ngx_http_apievents_session_t **session) ae_often;
void ngx_http_apievents_record_release(ngx_http_apievents_session_t *session)
    ae_often;
void ngx_http_apievents_records_free(void);

/* of a text that is going to be put: in buf, or empty */

#define NGX_HTTP_APIEVENTS_RECORD_WORDS  (AE_SESSION_RECORD_MAX / 8)

ae_str_t ngx_http_apievents_record_make(ngx_http_apievents_store_conf_t *scf,
    const ae_session_ref_t *ref, ae_str_t text, uint64_t *buf);

/* of a session that was compiled from it: where policies have changed, the
 * zone gets what they make of it now */
void ngx_http_apievents_record_renew(ngx_http_apievents_store_conf_t *scf,
    ngx_http_apievents_session_t *session, u_char *text);

/* how long that of a document can be */
size_t ngx_http_apievents_record_most(const ae_value_t *session,
    ngx_uint_t policies);


#endif /* _NGX_HTTP_APIEVENTS_STORE_PRIVATE_H_INCLUDED_ */
