/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Managed objects: what kinds there are, and how one is changed.  A private
 * header of manage.
 */


#ifndef _NGX_HTTP_APIEVENTS_MANAGE_OBJECT_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_MANAGE_OBJECT_H_INCLUDED_


#include "manage/manage_private.h"


#define NGX_HTTP_APIEVENTS_OBJECT_ID   128

#define NGX_HTTP_APIEVENTS_UNPROCESSABLE  422

/* of a text that the zone has as well */
#define NGX_HTTP_APIEVENTS_ZONE_BODY   (1024 * 1024)

/* callbacks that one change may have */
#define NGX_HTTP_APIEVENTS_CALLBACKS   64


typedef enum {
    NGX_HTTP_APIEVENTS_CREATED = 0,
    NGX_HTTP_APIEVENTS_UPDATED,
    NGX_HTTP_APIEVENTS_DELETED
} ngx_http_apievents_action_e;

extern const ae_str_t  ngx_http_apievents_actions[];


/* an object of the configuration, parsed, or its text */

typedef struct {
    ae_str_t                        id;
    const ae_value_t               *value;
    ae_str_t                        text;
} ngx_http_apievents_fixed_t;

typedef void (*ngx_http_apievents_fixed_pt)(void *data,
    const ngx_http_apievents_fixed_t *fixed);


/* a kind of objects, with its routes and its place in the store */

typedef struct ngx_http_apievents_collection_s
    ngx_http_apievents_collection_t;

struct ngx_http_apievents_collection_s {
    ae_str_t                        path;       /* "apps" */
    ae_str_t                        name;       /* in the store, "app" */
    ae_str_t                        object;     /* in callbacks and events;
                                                   empty: it has none */
    const ae_member_t              *members;
    const char *const              *secrets;    /* members that nobody is
                                                   shown, or NULL */

    /* more than kinds of members: AE_OK, AE_DECLINED: 422, and *err says what
     * is expected */
    int                           (*check)(ngx_http_apievents_admin_t *a,
                                        const ae_value_t *data,
                                        ae_error_t *err);

    /* what becomes of the data that was sent, once what there is has been
     * read: NGX_DECLINED, go on; else what to return.  Or NULL */
    ngx_int_t                     (*settle)(ngx_http_apievents_admin_t *a);

    ae_str_t                        portal;     /* family of portal events, or
                                                   empty */

    const char                     *key;        /* the member that has its
                                                   id */
    const char                     *none;       /* answers that there is none
                                                   of that id; NULL: as usual
                                                   */

    /* tells of all that the configuration has, or NULL; in either thread */
    void                          (*fixed)(void *data,
                                        ngx_http_apievents_fixed_pt each);

    unsigned                        integration:1;  /* that role may write */
    unsigned                        sealed:1;   /* secrets and those among its
                                                   "headers" are kept */
    unsigned                        calls:1;    /* they are called, when is
                                                   shown with them */
    unsigned                        kept:1;     /* workers have them in
                                                   memory */
    unsigned                        tyk:1;      /* answers are Tyk's */
    unsigned                        put:1;      /* which makes what is not
                                                   there */
    unsigned                        zone:1;     /* which has their texts */
    unsigned                        bound:1;    /* those of the configuration
                                                   cannot be replaced */
};

/*
 * Documents that workers have in memory (manage_sync.c).  wants() is called in
 * the store's thread, the others in the event loop: put() of each that is new
 * or has changed, whose value and arena are there until it is put again or
 * gone; was is what was put before, or NULL.
 */

typedef struct {
    ae_str_t                        collection;
    int                           (*wants)(const ae_value_t *value);
    void                          (*put)(ae_str_t id, const ae_value_t *value,
                                        const ae_value_t *was,
                                        ae_arena_t *arena);
    void                          (*gone)(ae_str_t id,
                                        const ae_value_t *was);
} ngx_http_apievents_kept_t;

extern const ngx_http_apievents_kept_t  ngx_http_apievents_callback_kept;
extern const ngx_http_apievents_kept_t  ngx_http_apievents_organisation_kept;
extern const ngx_http_apievents_kept_t  ngx_http_apievents_endpoint_kept;

/* one of those that this worker has, and its revision; NULL: there is none.
 * It is valid until the next turn of the event loop */
const ae_value_t *ngx_http_apievents_sync_value(
    const ngx_http_apievents_kept_t *kept, ae_str_t id, uint64_t *rev);


/* by the first segment of a path; NULL: there is none of that name */
const ngx_http_apievents_collection_t *ngx_http_apievents_collection(
    const ngx_str_t *path);

/* is s one of the words of a list that ends with NULL */
int ngx_http_apievents_one_of(ae_str_t s, const char *const *words);

int ngx_http_apievents_str_is(ae_str_t s, const char *text);


/* ---- manage_secret.c: copies that share the other parts ---- */

/* what of an object may be shown, and is stored where secrets are not kept:
 * with masks in place of secrets; NULL: no memory */
ae_value_t *ngx_http_apievents_shown(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_collection_t *type, const ae_value_t *object);

/* with secrets as they are kept: those that are a mask are previous's, the
 * others are sealed; NULL and *err, or without any text in it: no memory */
ae_value_t *ngx_http_apievents_sealed(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_collection_t *type, ae_str_t id,
    const ae_value_t *object, const ae_value_t *previous, ae_error_t *err);

/* with secrets as they were before that; NULL: not with that key, or no
 * memory */
ae_value_t *ngx_http_apievents_opened(ae_arena_t *arena,
    const ae_seal_t *seal, const ngx_http_apievents_collection_t *type,
    ae_str_t id, const ae_value_t *object);

/* is it what stands in place of a secret */
int ngx_http_apievents_masked(const ae_value_t *v);


/*
 * A change on its way: what there is and who has a say are read, those that
 * have are asked, it is written, and the others are told.  In the call's
 * arena.
 */

struct ngx_http_apievents_change_s {
    const ngx_http_apievents_collection_t
                                   *type;
    ngx_http_apievents_action_e     action;
    ngx_http_apievents_action_e     asked_for;  /* by the call's method */
    ae_str_t                        id;
    ae_value_t                     *data;       /* what will be; or NULL */
    ae_value_t                     *previous;   /* what is, or NULL */
    ae_str_t                        body;       /* that the store gets */
    uint64_t                        expected;   /* revision of what is */
    uint64_t                        rev;        /* of what will be */
    const char                     *refused;    /* why it was not written */
    unsigned                        fixed:1;    /* what is is configured */
    uint64_t                        wall;       /* when it began, ns */
    ae_id_t                         event;
    ae_str_t                        name;       /* of the event */

    ae_value_t                    **callbacks;  /* of before, by name */
    ngx_uint_t                      ncallbacks;
    ngx_uint_t                      asked;      /* the first so many of them */
    ae_str_t                        asking;     /* the body that they get */

    /* of the last one that was asked */
    ngx_uint_t                      status;     /* 0: no answer */
    ngx_str_t                       error;
    const ae_value_t               *calling;
    uint64_t                        began;      /* wall, ns */
    uint64_t                        began_mono;
    uint64_t                        took;       /* ns */

    ngx_http_apievents_sync_t       sync;       /* before others are told */
    ae_value_t                     *warnings;   /* an array, or NULL */
    ae_value_t                     *also;       /* members of the answer, or
                                                   NULL */

    const ae_str_t                 *told;       /* action of the portal event,
                                                   empty: none is raised;
                                                   NULL: as above */

    ngx_http_apievents_admin_pt     settle;     /* as that of the type, which
                                                   it replaces; or NULL */
    void                          (*raise)(ngx_http_apievents_admin_t *a);
                                                /* tells of more, or NULL */
    ngx_http_apievents_change_t    *outer;      /* that this one is part of,
                                                   and that If-Match is
                                                   about; or NULL */
    ngx_http_apievents_admin_pt     answer;     /* when it is done */

    /* of what is no document of its type: what stands in its way, after the
     * revision was read, NGX_DECLINED: nothing; and how it is written, which
     * then says that it is, by ngx_http_apievents_change_made() */
    ngx_http_apievents_admin_pt     decide;     /* or NULL */
    ngx_http_apievents_admin_pt     store;      /* or NULL */
};


/* ---- manage_tyk.c: objects in Tyk's shapes ---- */

/* {"key", "status", "action"} of a change, with c->also, if there is any */
ngx_int_t ngx_http_apievents_tyk_changed(ngx_http_apievents_admin_t *a);

/* a page of a list, of which there is more after that id, or it is empty */
ngx_int_t ngx_http_apievents_tyk_list(ngx_http_apievents_admin_t *a,
    const ae_value_t *items, ae_str_t next);

/* policies of api_policies */
void ngx_http_apievents_policies_fixed(void *data,
    ngx_http_apievents_fixed_pt each);


/* ---- manage_fixed.c: objects of the configuration ---- */

/* that of an id, NULL: there is none; in the arena */
ae_value_t *ngx_http_apievents_fixed_get(
    const ngx_http_apievents_collection_t *type, ae_str_t id,
    ae_arena_t *arena);

/* those after an id, in the order of ids; NULL: no memory */
ngx_http_apievents_fixed_t *ngx_http_apievents_fixed_list(
    const ngx_http_apievents_collection_t *type, ae_str_t after,
    ae_arena_t *arena, size_t *n);

/* one of them as a document, whose id is a member of it */
ae_value_t *ngx_http_apievents_fixed_value(
    const ngx_http_apievents_collection_t *type,
    const ngx_http_apievents_fixed_t *fixed, ae_arena_t *arena);


/* ---- manage_object_get.c ---- */

/* answers that there is none of that id */
ngx_int_t ngx_http_apievents_object_none(ngx_http_apievents_admin_t *a,
    const ngx_http_apievents_collection_t *type);


/* ---- manage_object_put.c ---- */

/* NGX_DECLINED: an object may have that id; else what to return */
ngx_int_t ngx_http_apievents_object_valid(ngx_http_apievents_admin_t *a,
    ae_str_t id);

/* an answer that says which line is wrong, and how */
ngx_int_t ngx_http_apievents_object_bad(ngx_http_apievents_admin_t *a,
    ngx_uint_t status, ae_error_t *err);

/* an ETag of the answer that is sent next */
ngx_int_t ngx_http_apievents_object_tag(ngx_http_apievents_admin_t *a,
    uint64_t rev);


/* ---- manage_change.c ---- */

/*
 * Makes the change of type, action, id and data; answer() is called when it is
 * done, and a->change is it.  What stands in its way is answered: 404, 409.
 */
ngx_int_t ngx_http_apievents_change(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_change_t *c);

/* it is written: tells those that listen, then goes on with the call */
void ngx_http_apievents_change_made(ngx_http_apievents_admin_t *a);

/* what listeners get, when: "before" or "after"; NULL: no memory */
ae_value_t *ngx_http_apievents_change_document(ngx_http_apievents_admin_t *a,
    const char *when);

/* in the store's thread: writes it, or leaves rev 0 if somebody else was
 * faster */
int ngx_http_apievents_change_put(ae_db_t *db,
    ngx_http_apievents_change_t *c);

/* goes on when the callbacks of before have been asked */
ngx_int_t ngx_http_apievents_change_write(ngx_http_apievents_admin_t *a);


/* ---- manage_before.c ---- */

/* in the store's thread: the callbacks that have a say in a->change */
int ngx_http_apievents_before_read(ae_db_t *db,
    ngx_http_apievents_admin_t *a);

/* asks them one by one, then ngx_http_apievents_change_write() */
ngx_int_t ngx_http_apievents_before(ngx_http_apievents_admin_t *a);


/* ---- manage_callback.c, manage_callback_check.c ---- */

extern const ae_member_t  ngx_http_apievents_callback_members[];

int ngx_http_apievents_callback_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);

/* the header that says which actions it listens to, data NULL: to all; and
 * bits of these, 0: something in it is no action */
ae_str_t ngx_http_apievents_callback_filter(const ae_value_t *callback);
ngx_uint_t ngx_http_apievents_callback_actions(ae_str_t filter);

/* a status, a class or a list of them; 0: it is none */
int ngx_http_apievents_callback_statuses(const ae_value_t *v,
    ae_statuses_t *statuses);

/* "before" or "after" and an object of a "type"; 0: it is none */
int ngx_http_apievents_callback_type(ae_str_t type, ae_str_t *when,
    ae_str_t *object);

int ngx_http_apievents_callback_active(const ae_value_t *callback);

/* does one of that type, which is active, listen to such a change */
int ngx_http_apievents_callback_wants(const ae_value_t *callback,
    const char *when, const ngx_http_apievents_change_t *c,
    const ngx_str_t *user);

/* milliseconds */
ngx_msec_t ngx_http_apievents_callback_timeout(const ae_value_t *callback,
    ngx_msec_t otherwise);

/* has an answer of that status the one that is expected */
int ngx_http_apievents_callback_expects(const ae_value_t *callback,
    ngx_uint_t status);

/* one as it is stored, with its secrets; NULL: as opened() */
ae_value_t *ngx_http_apievents_callback_opened(ae_arena_t *arena,
    const ae_seal_t *seal, const ae_value_t *callback);

/* by which the queue and the history know it; and the id of its endpoint, in
 * p, which has room for it */
ae_id_t ngx_http_apievents_callback_identity(ae_str_t id);
ngx_str_t ngx_http_apievents_callback_endpoint(ae_str_t id, u_char *p);

#define NGX_HTTP_APIEVENTS_CALLBACK_LEN  (9 + AE_DB_NAME)


/* ---- manage_organisation.c ---- */

extern const ae_member_t  ngx_http_apievents_organisation_members[];

int ngx_http_apievents_organisation_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);


/* ---- manage_request.c ---- */

extern const ae_member_t  ngx_http_apievents_request_members[];

int ngx_http_apievents_request_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);
ngx_int_t ngx_http_apievents_request_settle(ngx_http_apievents_admin_t *a);

/* NGX_DECLINED: nobody has decided yet; or an answer */
ngx_int_t ngx_http_apievents_request_open(ngx_http_apievents_admin_t *a);

/* what there is, with that member true, where it stood; NULL: no memory */
ae_value_t *ngx_http_apievents_request_decided(ngx_http_apievents_admin_t *a,
    ae_str_t name);

/* the answer: the change's data */
ngx_int_t ngx_http_apievents_request_shown(ngx_http_apievents_admin_t *a);


/* ---- manage_approve.c ---- */

/* settles an approval */
ngx_int_t ngx_http_apievents_request_approving(
    ngx_http_apievents_admin_t *a);


/* ---- manage_portal.c ---- */

/*
 * Raises FAMILY.ACTION ("api_event", "created") for that organisation, data as
 * it may be shown.  To be called when the change is a fact and the worker has
 * in memory what was stored before (ngx_http_apievents_sync()).
 */
void ngx_http_apievents_portal_raise(ngx_http_apievents_admin_t *a,
    ae_str_t family, ae_str_t action, ae_str_t org, const ae_value_t *data);

/* the same of a key: with its KeyID, its credential if that is known, which is
 * masked, and its session as it is or was, whose secrets are masked and whose
 * org_id is the organisation */
void ngx_http_apievents_portal_key(ngx_http_apievents_admin_t *a,
    ae_str_t action, ae_str_t key_id, ae_str_t credential,
    const ae_value_t *session);

/* the portal event of a->change, if its type has any */
void ngx_http_apievents_portal_change(ngx_http_apievents_admin_t *a);

/* a copy with masks in place of strings whose names tell of secrets, and of
 * all that are sent in headers of others' calls; NULL: no memory */
ae_value_t *ngx_http_apievents_portal_clean(ae_arena_t *arena,
    const ae_value_t *data);

/* a string of a map, or empty */
ae_str_t ngx_http_apievents_portal_member(const ae_value_t *map,
    const char *name);


/* ---- manage_endpoint.c: endpoints that were created ---- */

extern const ae_member_t  ngx_http_apievents_endpoint_members[];

int ngx_http_apievents_endpoint_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *data, ae_error_t *err);


/* ---- manage_after.c ---- */

/* the words of a handler that calls it, in the arena, and how many; 0: no
 * memory */
ngx_uint_t ngx_http_apievents_after_words(ae_arena_t *arena,
    const ae_value_t *callback, ngx_str_t **words);

/* one of them, of four parts, in the arena */
ngx_int_t ngx_http_apievents_after_word(ae_arena_t *arena, ngx_str_t *word,
    const char *name, ae_str_t one, const char *between, ae_str_t two);

/* tells those that listen to what has been changed; once, after the write */
void ngx_http_apievents_after(ngx_http_apievents_admin_t *a);


/* ---- manage_call.c ---- */

/* posts body to a callback and goes on with next(), when a->change has what
 * became of it; NGX_DONE, or an answer */
ngx_int_t ngx_http_apievents_callback_post(ngx_http_apievents_admin_t *a,
    const ae_value_t *callback, ae_str_t body,
    ngx_http_apievents_admin_pt next);


#endif /* _NGX_HTTP_APIEVENTS_MANAGE_OBJECT_H_INCLUDED_ */
