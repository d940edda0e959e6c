/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Keys: sessions through the management API, in the shapes of Tyk's gateway
 * (as in Tyk).  A private header of manage.
 */


#ifndef _NGX_HTTP_APIEVENTS_MANAGE_KEYS_H_INCLUDED_
#define _NGX_HTTP_APIEVENTS_MANAGE_KEYS_H_INCLUDED_


#include "manage/manage_object.h"


/* of a session and of what is made of it */
#define NGX_HTTP_APIEVENTS_KEY_TEXT    (1024 * 1024)

#define NGX_HTTP_APIEVENTS_KEY_MIN     3        /* Tyk's min_token_length */
#define NGX_HTTP_APIEVENTS_KEY_MAX     4096


/* a session that is read or changed; in the call's arena.  Of one that is
 * changed, a->change is its first member */

typedef struct {
    ngx_http_apievents_change_t     change;
    ngx_http_apievents_update_t     update;

    ngx_str_t                       key;        /* as the caller named it, or
                                                   the new credential; or the
                                                   organisation */
    ngx_str_t                       id;         /* KeyID, the same for an
                                                   organisation; once known */
    const ae_value_t               *session;    /* what it will be */
    const ae_value_t               *told;       /* what listeners are told of,
                                                   with its secrets */
    const ae_value_t               *policies;   /* of what is there; or NULL */
    const char                     *absent;     /* of a 404; NULL: it may be
                                                   new */
    const char                     *action;     /* of the answer */
    ae_event_type_e                 event;      /* TokenCreated, ... */
    const char                     *message;    /* of it */
    ngx_int_t                       rc;         /* of the store */
    ngx_http_apievents_admin_pt     done;       /* when it is changed */
    int                           (*also)(ae_db_t *db, void *data);
                                                /* as of the update, of a */

    unsigned                        known:1;    /* key is the credential */
    unsigned                        created:1;  /* its date is anew */
    unsigned                        null:1;     /* is answered */
} ngx_http_apievents_key_t;


/* that of a->change, in done() and what follows */

static ngx_inline ngx_http_apievents_key_t *
ngx_http_apievents_key_of(ngx_http_apievents_admin_t *a)
{
    return (ngx_http_apievents_key_t *) a->change;
}


/* ---- manage_key_change.c ---- */

/*
 * Makes a session with a credential of 128 random bits: of a map with the
 * members of a session, whose org_id is in front of the credential.  When it
 * is stored, done() is called, and ngx_http_apievents_key_of(a) has the
 * credential in key and its KeyID in id, until a->change is another one.  The
 * callbacks of access-token are asked, and told, and TokenCreated is raised,
 * as for a call of keys/create by the user of a.  What stands in its way is
 * answered instead: 400, 409, 503.  Returns what a content handler does.
 */
ngx_int_t ngx_http_apievents_key_create(ngx_http_apievents_admin_t *a,
    const ae_value_t *session, ngx_http_apievents_admin_pt done);

/* the same, and what TokenCreated says */
ngx_int_t ngx_http_apievents_key_generate(ngx_http_apievents_admin_t *a,
    const ae_value_t *session, const char *message,
    ngx_http_apievents_admin_pt done);

/* that before it is begun: NGX_DECLINED, key_change(a, *key) begins it; else
 * what to return */
ngx_int_t ngx_http_apievents_key_prepare(ngx_http_apievents_admin_t *a,
    const ae_value_t *session, const char *message,
    ngx_http_apievents_admin_pt done, ngx_http_apievents_key_t **key);

/* puts k->session, or deletes where it is NULL; k->key, action of the change
 * and the others are set */
ngx_int_t ngx_http_apievents_key_change(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k);

/* is it taken as a session; else what to return, after an answer of 400;
 * NGX_DECLINED: it is */
ngx_int_t ngx_http_apievents_key_check(ngx_http_apievents_admin_t *a,
    const ae_value_t *session, ngx_uint_t org, const char *malformed);

/* what is there of k->update, parsed; NULL with NGX_OK: nothing */
ngx_int_t ngx_http_apievents_key_stored(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k, ae_value_t **session);


/* ---- manage_keys.c ---- */

/* the key that a segment of the path names, or its KeyID: NGX_DECLINED, go on;
 * else what to return; absent: what a 404 says */
ngx_int_t ngx_http_apievents_key_named(ngx_http_apievents_admin_t *a,
    ngx_uint_t segment, const char *absent, ngx_http_apievents_key_t **key);

/* answers with the session of k->key, as it is now, or with k->absent */
ngx_int_t ngx_http_apievents_key_look(ngx_http_apievents_admin_t *a,
    ngx_http_apievents_key_t *k);

/* what of k is answered when it is changed; k->done */
ngx_int_t ngx_http_apievents_key_answer(ngx_http_apievents_admin_t *a);


/* ---- manage_key_secret.c ---- */

/* copies that share their parts: without the secrets of a session; and with
 * those of another where its own are blank; NULL: no memory */
ae_value_t *ngx_http_apievents_key_shown(ae_arena_t *arena,
    const ae_value_t *session);
ae_value_t *ngx_http_apievents_key_kept(ae_arena_t *arena,
    const ae_value_t *session, const ae_value_t *other);

/* puts stars in place of a credential wherever logs take the path from */
void ngx_http_apievents_key_hide(ngx_http_request_t *r, ngx_str_t *key);


/* ---- manage_key_policy.c ---- */

/* a session with those policies instead of its own; NULL: no memory */
ae_value_t *ngx_http_apievents_key_with(ae_arena_t *arena,
    const ae_value_t *session, const ae_value_t *policies);


/* ---- manage_key_event.c ---- */

/* raises the events of a session that was changed: TokenCreated or the like,
 * and key_event.ACTION for its organisation */
void ngx_http_apievents_key_raise(ngx_http_apievents_admin_t *a);


#endif /* _NGX_HTTP_APIEVENTS_MANAGE_KEYS_H_INCLUDED_ */
