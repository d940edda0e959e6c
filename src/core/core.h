/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * core: the logic of the gateway that needs no nginx.  Plain C11, unit-tested,
 * fuzzed and benchmarked alone.
 */


#ifndef _AE_CORE_H_INCLUDED_
#define _AE_CORE_H_INCLUDED_


#include "core/base/base.h"
#include "core/mail/mail.h"
#include "core/minute/minute.h"
#include "core/record/record.h"
#include "core/seal/seal.h"
#include "core/shared/shared.h"
#include "core/text/text.h"
#include "core/webhook/webhook.h"


#endif /* _AE_CORE_H_INCLUDED_ */
