/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Limits of policies, and which of two lets more through.  A number below 0
 * has no bound, where policies are compared; 0 says nothing.
 */


#include <math.h>

#include "core/text/ae_policy.h"


void
ae_policy_limit(const ae_value_t *map, ae_policy_limit_t *limit)
{
    limit->rate = ae_policy_member(map, "rate", AE_NUMBER);
    limit->per = ae_policy_member(map, "per", AE_NUMBER);
    limit->quota_max = ae_policy_member(map, "quota_max", AE_NUMBER);
    limit->quota_renewal_rate = ae_policy_member(map, "quota_renewal_rate",
                                                 AE_NUMBER);
    limit->max_query_depth = ae_policy_member(map, "max_query_depth",
                                              AE_NUMBER);
}


int
ae_policy_limit_empty(const ae_policy_limit_t *limit)
{
    return ae_policy_number(limit->rate) == 0
           && ae_policy_number(limit->per) == 0
           && ae_policy_number(limit->quota_max) == 0
           && ae_policy_number(limit->quota_renewal_rate) == 0
           && ae_policy_number(limit->max_query_depth) == 0;
}


double
ae_policy_number(const ae_value_t *v)
{
    return (v == NULL || !isfinite(v->number)) ? 0 : v->number;
}


double
ae_policy_duration(const ae_value_t *rate, const ae_value_t *per)
{
    double  n, seconds;

    n = ae_policy_number(rate);
    seconds = ae_policy_number(per);

    if (n <= 0) {
        return 0;
    }

    return (seconds > 0 ? seconds : 1) / n;
}


int
ae_policy_greater(const ae_value_t *one, const ae_value_t *two)
{
    double  first, second;

    first = ae_policy_number(one);
    second = ae_policy_number(two);

    if (first < 0) {
        return 1;
    }

    return second >= 0 && first > second;
}


void
ae_policy_more_rate(ae_policy_limit_t *limit, const ae_policy_limit_t *other)
{
    if (ae_policy_number(other->rate) == 0) {
        return;
    }

    if (ae_policy_number(limit->rate) == 0
        || ae_policy_duration(limit->rate, limit->per)
           > ae_policy_duration(other->rate, other->per))
    {
        limit->rate = other->rate;
        limit->per = other->per;
    }
}


void
ae_policy_more_quota(ae_policy_limit_t *limit, const ae_policy_limit_t *other)
{
    if (ae_policy_greater(other->quota_max, limit->quota_max)) {
        limit->quota_max = other->quota_max;
    }

    if (ae_policy_number(other->quota_renewal_rate)
        > ae_policy_number(limit->quota_renewal_rate))
    {
        limit->quota_renewal_rate = other->quota_renewal_rate;
    }
}


void
ae_policy_more_depth(ae_policy_limit_t *limit, const ae_policy_limit_t *other)
{
    if (ae_policy_greater(other->max_query_depth, limit->max_query_depth)) {
        limit->max_query_depth = other->max_query_depth;
    }
}
