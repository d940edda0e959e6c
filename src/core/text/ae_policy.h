/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Between ae_policy.c and ae_policy_*.c.  Values are those of the session and
 * the policies; nothing is copied but the nodes that lists are linked by.
 */


#ifndef _AE_POLICY_H_INCLUDED_
#define _AE_POLICY_H_INCLUDED_


#include "core/text/text.h"


/* numbers as they are written; NULL: none, which is as good as 0 */

typedef struct {
    const ae_value_t        *rate;
    const ae_value_t        *per;
    const ae_value_t        *quota_max;
    const ae_value_t        *quota_renewal_rate;
    const ae_value_t        *max_query_depth;
} ae_policy_limit_t;


/* to one API, while it is put together */

typedef struct ae_policy_right_s  ae_policy_right_t;

struct ae_policy_right_s {
    ae_str_t                 api;
    const ae_value_t        *base;          /* members that nothing is said
                                               of */
    const ae_value_t        *versions;      /* arrays, or NULL */
    const ae_value_t        *urls;
    const ae_value_t        *endpoints;
    ae_policy_limit_t        limit;
    ae_str_t                 set_by;        /* what gave the rights */
    ae_str_t                 scope;
    ae_policy_right_t       *next;
    unsigned                 acl:1;         /* which were given */
    unsigned                 rate:1;
    unsigned                 quota:1;
    unsigned                 complexity:1;
};


/* which parts of a session a policy has */

typedef struct {
    unsigned                 acl:1;
    unsigned                 rate:1;
    unsigned                 quota:1;
    unsigned                 complexity:1;
    unsigned                 per_api:1;
    unsigned                 partitioned:1;
} ae_policy_parts_t;


/* what is merged so far */

typedef struct {
    ae_arena_t              *arena;
    const ae_value_t        *session;
    ae_policy_limit_t        limit;         /* of the session */
    ae_policy_right_t       *rights;
    ae_policy_right_t       *last;
    ae_policy_right_t       *cursor;        /* the last that was found */
    const ae_value_t        *tags;
    ae_value_t              *meta;
    ae_merged_t             *merged;
    int                      fresh;         /* no policy before had rights */
    int                      failed;
} ae_merge_t;


/* ae_policy.c */
void ae_policy_parts(const ae_value_t *policy, ae_policy_parts_t *parts);
int ae_policy_flag(const ae_value_t *map, const char *name);
const ae_value_t *ae_policy_member(const ae_value_t *map, const char *name,
    ae_type_e type);

/* ae_policy_write.c: sets merged->document */
int ae_policy_document(ae_merge_t *m);

/* ae_policy_list.c; NULL where both are, or without memory: *failed is set */
const ae_value_t *ae_policy_strings(ae_arena_t *arena, const ae_value_t *one,
    const ae_value_t *two, int *failed);
const ae_value_t *ae_policy_urls(ae_arena_t *arena, const ae_value_t *one,
    const ae_value_t *two, int *failed);
const ae_value_t *ae_policy_endpoints(ae_arena_t *arena,
    const ae_value_t *one, const ae_value_t *two, int *failed);

/* ae_policy_limit.c */
void ae_policy_limit(const ae_value_t *map, ae_policy_limit_t *limit);
int ae_policy_limit_empty(const ae_policy_limit_t *limit);
double ae_policy_number(const ae_value_t *v);

/* seconds from one request to the next, 0: unlimited */
double ae_policy_duration(const ae_value_t *rate, const ae_value_t *per);
int ae_policy_greater(const ae_value_t *one, const ae_value_t *two);

/* what lets more through, of a rate, of a quota and of a depth */
void ae_policy_more_rate(ae_policy_limit_t *limit,
    const ae_policy_limit_t *other);
void ae_policy_more_quota(ae_policy_limit_t *limit,
    const ae_policy_limit_t *other);
void ae_policy_more_depth(ae_policy_limit_t *limit,
    const ae_policy_limit_t *other);


#endif /* _AE_POLICY_H_INCLUDED_ */
