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

/* compact; the members of changes (a map, or NULL) stand for those of the
 * same name, or are added */
void ngx_http_apievents_write_session(ae_buf_t *b, const ae_value_t *session,
    const ae_value_t *changes);

/* the number of that name; 0 if there is none */
double ngx_http_apievents_number(const ae_value_t *map, const char *name);


/* ---- store_pattern.c ---- */

/* what the session's counters are counted by, where its meta data say so:
 * pattern and limits_id */
void ngx_http_apievents_session_pattern(ngx_http_apievents_zone_t *zone,
    ngx_http_apievents_session_t *session);


/* ---- store_keys.c ---- */

/* do the sessions of the files fit the zone; an emerg line and NGX_ERROR */
ngx_int_t ngx_http_apievents_keys_fit(ngx_http_apievents_store_conf_t *scf,
    ngx_log_t *log);

void ngx_http_apievents_keys_load(ngx_http_apievents_store_conf_t *scf,
    ngx_log_t *log);


/* ---- store_session.c ---- */

/* what stands for the KeyID of an organisation, which has none */
ae_id_t ngx_http_apievents_key_id_of_org(ngx_http_apievents_zone_t *zone,
    ae_id_t id);

void ngx_http_apievents_cache_free(ngx_http_apievents_store_conf_t *scf);

/* as ngx_http_apievents_session_find(), for who has no request */
ngx_int_t ngx_http_apievents_session_get(ngx_http_apievents_store_conf_t *scf,
    ae_id_t id, ngx_http_apievents_session_t **session);


#endif /* _NGX_HTTP_APIEVENTS_STORE_PRIVATE_H_INCLUDED_ */
