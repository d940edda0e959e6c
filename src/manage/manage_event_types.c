/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Which events there are.  The example of each is an event like those that are
 * raised, and its envelope is made by the function that makes all envelopes.
 */


#include "manage/manage_private.h"


/* what of an event the ones that are raised have */

typedef enum {
    NGX_HTTP_APIEVENTS_TYPE_OWN = 0,
    NGX_HTTP_APIEVENTS_TYPE_REFUSAL,
    NGX_HTTP_APIEVENTS_TYPE_ORG,
    NGX_HTTP_APIEVENTS_TYPE_KEY,
    NGX_HTTP_APIEVENTS_TYPE_TOKEN,
    NGX_HTTP_APIEVENTS_TYPE_BREAKER,
    NGX_HTTP_APIEVENTS_TYPE_HOST,
    NGX_HTTP_APIEVENTS_TYPE_DELIVERY
} ngx_http_apievents_type_e;


typedef struct {
    ae_event_type_e                 type;
    ngx_http_apievents_type_e       kind;
    const char                     *description;
    const char                     *message;
    const char                     *reason;
    const char                     *meta;
} ngx_http_apievents_type_t;


static int ngx_http_apievents_type_item(ngx_http_apievents_admin_t *a,
    ae_value_t *list, const ngx_http_apievents_type_t *type);
static void ngx_http_apievents_type_event(ae_event_t *ev,
    const ngx_http_apievents_type_t *type);
static void ngx_http_apievents_type_base(ae_event_t *ev);
static int ngx_http_apievents_type_object(ngx_http_apievents_admin_t *a,
    ae_value_t *list, ae_event_class_e class, ae_str_t family,
    ae_str_t action);
static int ngx_http_apievents_type_format(ae_arena_t *arena, ae_str_t *text,
    const char *format, ...);
static int ngx_http_apievents_type_add(ngx_http_apievents_admin_t *a,
    ae_value_t *list, const char *raised, ae_str_t description,
    const ae_event_t *ev);
static ae_str_t ngx_http_apievents_type_str(const char *text);


/* of the examples */
#define NGX_HTTP_APIEVENTS_TYPE_KEY_TEXT   "****6789"
#define NGX_HTTP_APIEVENTS_TYPE_TIME       1735689600000000000


static const ngx_http_apievents_type_t  ngx_http_apievents_types[] = {

    { AE_QUOTA_EXCEEDED, NGX_HTTP_APIEVENTS_TYPE_REFUSAL,
      "A key or an API has used up its quota.",
      "Key Quota Limit Exceeded", "",
      "" },

    { AE_RATELIMIT_EXCEEDED, NGX_HTTP_APIEVENTS_TYPE_REFUSAL,
      "A key or an API has used up its rate.",
      "Rate Limit Exceeded", "",
      "" },

    { AE_AUTH_FAILURE, NGX_HTTP_APIEVENTS_TYPE_REFUSAL,
      "A credential is missing, unknown, or not for this API or path.",
      "Auth Failure", "Authorization field missing",
      "" },

    { AE_KEY_EXPIRED, NGX_HTTP_APIEVENTS_TYPE_REFUSAL,
      "A key that has expired or is inactive was used.",
      "Attempted access from expired key.", "",
      "" },

    { AE_VERSION_FAILURE, NGX_HTTP_APIEVENTS_TYPE_REFUSAL,
      "A version is not named, not there, expired, or not the key's.",
      "Attempted access to disallowed version / path.",
      "This API version does not seem to exist",
      "" },

    { AE_ORG_QUOTA_EXCEEDED, NGX_HTTP_APIEVENTS_TYPE_ORG,
      "An organisation has used up its quota.",
      "Organisation quota has been exceeded", "",
      "" },

    { AE_ORG_RATE_LIMIT_EXCEEDED, NGX_HTTP_APIEVENTS_TYPE_ORG,
      "An organisation has used up its rate.",
      "Organisation rate limit has been exceeded", "",
      "" },

    { AE_TRIGGER_EXCEEDED, NGX_HTTP_APIEVENTS_TYPE_KEY,
      "A quota is used up to a threshold of a monitor.",
      "Quota trigger reached", "",
      "{\"org_id\":\"acme\",\"key\":\"****6789\",\"trigger_limit\":80,\"usa"
      "ge_percentage\":80,\"OrgID\":\"acme\",\"Org\":\"acme\",\"Key\":\"***"
      "*6789\",\"TriggerLimit\":80,\"UsagePercentage\":80}" },

    { AE_BREAKER_TRIPPED, NGX_HTTP_APIEVENTS_TYPE_BREAKER,
      "A circuit breaker opens.",
      "Breaker Tripped", "",
      "{\"APIID\":\"orders\",\"CircuitEvent\":0}" },

    { AE_BREAKER_RESET, NGX_HTTP_APIEVENTS_TYPE_BREAKER,
      "A circuit breaker closes.",
      "Breaker Reset", "",
      "{\"APIID\":\"orders\",\"CircuitEvent\":1}" },

    { AE_BREAKER_TRIGGERED, NGX_HTTP_APIEVENTS_TYPE_BREAKER,
      "A circuit breaker opens or closes.",
      "Breaker Tripped", "",
      "{\"APIID\":\"orders\",\"CircuitEvent\":0}" },

    { AE_HOST_DOWN, NGX_HTTP_APIEVENTS_TYPE_HOST,
      "A server of an upstream goes down.",
      "Uptime test failed", "",
      "{\"HostInfo\":{\"CheckURL\":\"http://10.0.0.1:8080/health\",\"Protoc"
      "ol\":\"http\",\"Timeout\":1000000000,\"EnableProxyProtocol\":false,"
      "\"Commands\":[],\"Method\":\"GET\",\"Headers\":{},\"Body\":\"\",\"Me"
      "taData\":{\"target_url\":\"http://10.0.0.1:8080/health\",\"api_id\":"
      "\"\",\"host_name\":\"10.0.0.1:8080\",\"upstream\":\"backend\"},\"Res"
      "ponseCode\":0,\"Latency\":2,\"IsTCPError\":true}}" },

    { AE_HOST_UP, NGX_HTTP_APIEVENTS_TYPE_HOST,
      "A server of an upstream comes up again.",
      "Uptime test succeeded", "",
      "{\"HostInfo\":{\"CheckURL\":\"http://10.0.0.1:8080/health\",\"Protoc"
      "ol\":\"http\",\"Timeout\":1000000000,\"EnableProxyProtocol\":false,"
      "\"Commands\":[],\"Method\":\"GET\",\"Headers\":{},\"Body\":\"\",\"Me"
      "taData\":{\"target_url\":\"http://10.0.0.1:8080/health\",\"api_id\":"
      "\"\",\"host_name\":\"10.0.0.1:8080\",\"upstream\":\"backend\"},\"Res"
      "ponseCode\":200,\"Latency\":2,\"IsTCPError\":false}}" },

    { AE_TOKEN_CREATED, NGX_HTTP_APIEVENTS_TYPE_TOKEN,
      "A key was created.",
      "Key generated.", "",
      "" },

    { AE_TOKEN_UPDATED, NGX_HTTP_APIEVENTS_TYPE_TOKEN,
      "A key was changed.",
      "Key modified.", "",
      "" },

    { AE_TOKEN_DELETED, NGX_HTTP_APIEVENTS_TYPE_TOKEN,
      "A key was deleted.",
      "Key deleted.", "",
      "" },

    { AE_ENDPOINT_DISABLED, NGX_HTTP_APIEVENTS_TYPE_DELIVERY,
      "An endpoint gets no more deliveries.",
      "Endpoint disabled", "status 410",
      "{\"Endpoint\":\"https://example.com/hook\",\"Handler\":\"webhook\","
      "\"EventID\":\"evt_01890a5d-ac96-774b-bcce-b302099a8057\",\"Event\":"
      "\"QuotaExceeded\",\"API\":\"orders\",\"Attempts\":10,\"Status\":500}" },

    { AE_ENDPOINT_RECOVERED, NGX_HTTP_APIEVENTS_TYPE_DELIVERY,
      "An endpoint took a delivery after it had failed for good.",
      "Endpoint recovered", "",
      "{\"Endpoint\":\"https://example.com/hook\",\"Handler\":\"webhook\","
      "\"EventID\":\"evt_01890a5d-ac96-774b-bcce-b302099a8057\",\"Event\":"
      "\"QuotaExceeded\",\"API\":\"orders\",\"Attempts\":10,\"Status\":500}" },

    { AE_DELIVERY_DEAD, NGX_HTTP_APIEVENTS_TYPE_DELIVERY,
      "A delivery was given up.",
      "Delivery given up", "status 500",
      "{\"Endpoint\":\"https://example.com/hook\",\"Handler\":\"webhook\","
      "\"EventID\":\"evt_01890a5d-ac96-774b-bcce-b302099a8057\",\"Event\":"
      "\"QuotaExceeded\",\"API\":\"orders\",\"Attempts\":10,\"Status\":500}" },

    { AE_EVENTS_DROPPED, NGX_HTTP_APIEVENTS_TYPE_OWN,
      "A worker had to drop events.",
      "Events dropped", "",
      "{\"Count\":1}" },

    { AE_STORE_DOWN, NGX_HTTP_APIEVENTS_TYPE_OWN,
      "The store cannot be written.",
      "Store down", "full",
      "" },

    { AE_STORE_UP, NGX_HTTP_APIEVENTS_TYPE_OWN,
      "The store is written again.",
      "Store up", "",
      "" },

    { AE_LIMITER_OVERFLOW, NGX_HTTP_APIEVENTS_TYPE_OWN,
      "There was no room for more counters.",
      "Limiter memory is used up", "",
      "{\"Count\":1}" }
};


static const char *const  ngx_http_apievents_type_raised[] = {
    "module", "gate", "gate", "monitor", "management", "breaker",
    "upstream health", "delivery"
};


ngx_int_t
ngx_http_apievents_admin_event_types(ngx_http_apievents_admin_t *a)
{
    size_t             i;
    ae_str_t           family, action;
    ae_value_t        *map, *list;
    ae_event_class_e   class;

    map = ae_value_map(a->arena);
    list = ae_value_array(a->arena);

    if (map == NULL || list == NULL
        || ae_value_set(map, ae_str("items"), list) != AE_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0;
         i < sizeof(ngx_http_apievents_types)
             / sizeof(ngx_http_apievents_types[0]);
         i++)
    {
        if (ngx_http_apievents_type_item(a, list,
                                         &ngx_http_apievents_types[i])
            != AE_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    for (i = 0;
         (class = ae_event_nth(i, &family, &action)) != AE_EVENT_OTHER;
         i++)
    {
        if (ngx_http_apievents_type_object(a, list, class, family, action)
            != AE_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_apievents_admin_answer(a->request, NGX_HTTP_OK, map);
}


static int
ngx_http_apievents_type_item(ngx_http_apievents_admin_t *a, ae_value_t *list,
    const ngx_http_apievents_type_t *type)
{
    ae_event_t  ev;

    ngx_http_apievents_type_event(&ev, type);

    return ngx_http_apievents_type_add(a, list,
                              ngx_http_apievents_type_raised[type->kind],
                              ngx_http_apievents_type_str(type->description),
                              &ev);
}


static void
ngx_http_apievents_type_event(ae_event_t *ev,
    const ngx_http_apievents_type_t *type)
{
    ngx_http_apievents_type_base(ev);

    ev->type = type->type;
    ev->message = ngx_http_apievents_type_str(type->message);
    ev->reason = ngx_http_apievents_type_str(type->reason);
    ev->meta = ngx_http_apievents_type_str(type->meta);

    if (type->kind == NGX_HTTP_APIEVENTS_TYPE_DELIVERY) {
        ev->path = ae_str("https://example.com/hook");
    }

    if (type->kind == NGX_HTTP_APIEVENTS_TYPE_DELIVERY
        || type->kind == NGX_HTTP_APIEVENTS_TYPE_HOST)
    {
        ev->key_id = ae_key_id(ae_str("example"));
    }

    if (type->kind == NGX_HTTP_APIEVENTS_TYPE_DELIVERY
        || type->kind == NGX_HTTP_APIEVENTS_TYPE_HOST
        || type->kind == NGX_HTTP_APIEVENTS_TYPE_OWN)
    {
        return;
    }

    ev->org = ae_str("acme");

    if (type->kind == NGX_HTTP_APIEVENTS_TYPE_TOKEN) {
        ev->key = ae_str(NGX_HTTP_APIEVENTS_TYPE_KEY_TEXT);
        ev->key_id = ae_key_id(ae_str("example"));
        return;
    }

    ev->api = ae_str("orders");

    if (type->kind == NGX_HTTP_APIEVENTS_TYPE_BREAKER) {
        ev->path = ae_str("^/orders");
        return;
    }

    ev->key = (type->kind == NGX_HTTP_APIEVENTS_TYPE_ORG)
              ? ae_str("acme") : ae_str(NGX_HTTP_APIEVENTS_TYPE_KEY_TEXT);
    ev->key_id = ae_key_id(ev->key);

    if (type->kind == NGX_HTTP_APIEVENTS_TYPE_KEY) {
        ev->alias = ae_str("billing");
        return;
    }

    ev->path = ae_str("/orders/1");
    ev->origin = ae_str("127.0.0.1:40956");

    if (type->kind == NGX_HTTP_APIEVENTS_TYPE_REFUSAL) {
        ev->alias = ae_str("billing");
    }
}


static void
ngx_http_apievents_type_base(ae_event_t *ev)
{
    ngx_memzero(ev, sizeof(ae_event_t));

    /* of that time, version and variant */

    ev->time = NGX_HTTP_APIEVENTS_TYPE_TIME;
    ev->id.h[0] = ev->time / 1000000 << 16 | 0x7000;
    ev->id.h[1] = (uint64_t) 1 << 63 | 1;
    ev->sequence = 1;
}


/* the metadata is what management and portal raise, see manage_change.c */

static int
ngx_http_apievents_type_object(ngx_http_apievents_admin_t *a,
    ae_value_t *list, ae_event_class_e class, ae_str_t family,
    ae_str_t action)
{
    u_char       id[AE_EVENT_ID_LEN];
    ae_str_t     description;
    ae_event_t   ev;
    const char  *previous;

    ngx_http_apievents_type_base(&ev);
    ae_event_id(id, ev.id);

    if (ngx_http_apievents_type_format(a->arena, &ev.name, "%V.%V",
                                       (ngx_str_t *) &family,
                                       (ngx_str_t *) &action)
        != AE_OK
        || ngx_http_apievents_type_format(a->arena, &description,
                                          class == AE_EVENT_OBJECT
                                          ? "Object %V was %V."
                                          : "Portal: %V %V.",
                                          (ngx_str_t *) &family,
                                          (ngx_str_t *) &action)
           != AE_OK)
    {
        return AE_ERROR;
    }

    if (class == AE_EVENT_PORTAL) {
        ev.org = ae_str("acme");

        if (ngx_http_apievents_type_format(a->arena, &ev.meta,
                                           "{\"event\":\"%V\",\"data\":"
                                           "{\"id\":\"1\"}}",
                                           (ngx_str_t *) &ev.name)
            != AE_OK)
        {
            return AE_ERROR;
        }

        return ngx_http_apievents_type_add(a, list, "portal", description,
                                           &ev);
    }

    ev.message = ae_str("Object changed");
    ev.alias = *(ae_str_t *) &a->user->name;

    previous = (action.data[0] == 'c') ? ""
                                       : ",\"previous\":{\"id\":\"1\"}";

    if (ngx_http_apievents_type_format(a->arena, &ev.meta,
                          "{\"event\":\"after\",\"object\":\"%V\","
                          "\"action\":\"%V\","
                          "\"timestamp\":\"2025-01-01T00:00:00Z\","
                          "\"id\":\"%*s\",\"user\":{\"name\":\"ops\","
                          "\"role\":\"admin\"},\"data\":{\"id\":\"1\"}"
                          "%s}", (ngx_str_t *) &family,
                          (ngx_str_t *) &action, (size_t) AE_EVENT_ID_LEN,
                          id, previous)
        != AE_OK)
    {
        return AE_ERROR;
    }

    return ngx_http_apievents_type_add(a, list, "management", description,
                                       &ev);
}


static int
ngx_http_apievents_type_format(ae_arena_t *arena, ae_str_t *text,
    const char *format, ...)
{
    u_char    buf[1024];
    va_list   args;
    ae_str_t  s;

    s.data = buf;

    va_start(args, format);
    s.len = ngx_vslprintf(buf, buf + sizeof(buf), format, args) - buf;
    va_end(args);

    *text = ae_arena_dup(arena, s);

    return (text->data == NULL) ? AE_ERROR : AE_OK;
}


static int
ngx_http_apievents_type_add(ngx_http_apievents_admin_t *a, ae_value_t *list,
    const char *raised, ae_str_t description, const ae_event_t *ev)
{
    ae_event_t  *copy;
    ae_value_t  *map;

    map = ae_value_map(a->arena);

    /* the envelope points into it */

    copy = ae_arena_alloc(a->arena, sizeof(ae_event_t));

    if (copy == NULL || map == NULL) {
        return AE_ERROR;
    }

    *copy = *ev;

    if (ae_value_set(map, ae_str("event"),
                     ae_value_str(a->arena, ae_event_name(copy)))
        != AE_OK
        || ae_value_set(map, ae_str("description"),
                        ae_value_str(a->arena, description)) != AE_OK
        || ae_value_set(map, ae_str("raised_by"),
                        ae_value_str(a->arena,
                                     ngx_http_apievents_type_str(raised)))
           != AE_OK
        || ae_value_set(map, ae_str("example"),
                        ae_envelope(a->arena, copy, 0)) != AE_OK)
    {
        return AE_ERROR;
    }

    return ae_value_add(list, map);
}


static ae_str_t
ngx_http_apievents_type_str(const char *text)
{
    ae_str_t  s;

    s.data = (unsigned char *) text;
    s.len = ngx_strlen(text);

    return s;
}
