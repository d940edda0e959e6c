/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * seal: events at rest, with what their credential stood in encrypted beside
 * what everybody may read, and secrets in documents.
 */


#ifndef _AE_SEAL_H_INCLUDED_
#define _AE_SEAL_H_INCLUDED_


#include "core/text/text.h"


#define AE_SEAL_MIN          16         /* bytes of a secret, at least */
#define AE_SEAL_KEY          32


/* a key */

typedef struct {
    unsigned char            key[AE_SEAL_KEY];
} ae_seal_t;


/* the key of a secret of any length from AE_SEAL_MIN on: HKDF-SHA256 (RFC
 * 5869).  AE_DECLINED: it is too short; AE_ERROR: libcrypto failed */
int ae_seal_key(ae_seal_t *seal, ae_str_t secret);

/*
 * What is to be kept of an event's record, in the arena: the record without
 * its secret, and with a key (NULL: none) and where there is a secret, all of
 * it sealed behind that: AES-256-GCM, a nonce of chance, the open part and
 * the id of the event bound to it.  *clean: the event as the open part has
 * it.  AE_OK, AE_DECLINED: it is no record; AE_ERROR: no memory, or libcrypto
 * failed.
 */
int ae_seal(const ae_seal_t *seal, ae_str_t record, ae_arena_t *arena,
    ae_event_t *clean, ae_str_t *kept);

/*
 * The record of what was kept: as it was raised, if it is sealed and with that
 * key; else what of it is open, which is also what a NULL seal gives.  It is
 * decrypted in its place: the record is a part of `kept`, which cannot be
 * unsealed again.  AE_DECLINED: it is damaged; AE_ERROR: no memory, or
 * libcrypto failed.
 */
int ae_unseal(const ae_seal_t *seal, ae_str_t kept, ae_str_t *record);

/*
 * One secret of a document (ae_seal_text.c), as a text that JSON can hold.
 * bound: what it belongs to, not empty, without which it cannot be opened.
 * AE_OK, AE_DECLINED: it is too long, or to be opened: it is none, damaged,
 * moved, another key's, or seal is NULL; AE_ERROR: no memory, or libcrypto
 * failed.
 */
int ae_seal_text(const ae_seal_t *seal, ae_str_t bound, ae_str_t text,
    ae_arena_t *arena, ae_str_t *sealed);
int ae_unseal_text(const ae_seal_t *seal, ae_str_t bound, ae_str_t sealed,
    ae_arena_t *arena, ae_str_t *text);

/* does it look like one that is sealed */
int ae_seal_is_text(ae_str_t text);


#endif /* _AE_SEAL_H_INCLUDED_ */
