/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Domains of definitions.  Whose request it is nginx finds by the names of its
 * servers before it looks for a location, so that a definition with a domain
 * is one of the servers of that name only.
 */


#include "definition/definition_private.h"


static ngx_int_t ngx_http_apievents_domain_of(
    ngx_http_apievents_definition_t *def);
static ngx_uint_t ngx_http_apievents_domain_served(
    ngx_http_core_srv_conf_t *cscf, ngx_str_t *domain);
static ngx_int_t ngx_http_apievents_domain_note(
    ngx_http_apievents_definition_t *def);


ngx_int_t
ngx_http_apievents_definition_domain(ngx_http_apievents_definition_t *def)
{
    ngx_str_t                      name;
    ngx_http_core_srv_conf_t      *cscf;
    ngx_http_apievents_service_t  *service;

    service = def->service;

    if (ngx_http_apievents_domain_of(def) != NGX_OK) {
        return NGX_ERROR;
    }

    if (service->domain.len == 0) {
        return NGX_OK;
    }

    cscf = ngx_http_conf_get_module_srv_conf(def->cf, ngx_http_core_module);

    if (cscf->server_names.nelts == 0) {
        ngx_str_null(&service->domain);
        ngx_str_set(&name, "domain");

        return ngx_http_apievents_definition_ignore(def, &name);
    }

    service->elsewhere = !ngx_http_apievents_domain_served(cscf,
                                                           &service->domain);

    return ngx_http_apievents_domain_note(def);
}


static ngx_int_t
ngx_http_apievents_domain_of(ngx_http_apievents_definition_t *def)
{
    ngx_str_t   *domain;
    ngx_flag_t   disabled;

    domain = &def->service->domain;
    disabled = 0;

    if (ngx_http_apievents_entry_bool(def, def->root, "domain_disabled",
                                      &disabled)
        != NGX_OK
        || ngx_http_apievents_entry_string(def, def->root, "domain", domain)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (disabled) {
        ngx_str_null(domain);
    }

    ngx_strlow(domain->data, domain->data, domain->len);

    return NGX_OK;
}


/* as it is written: what a pattern matches is more than this domain */

static ngx_uint_t
ngx_http_apievents_domain_served(ngx_http_core_srv_conf_t *cscf,
    ngx_str_t *domain)
{
    ngx_uint_t               i;
    ngx_http_server_name_t  *name;

    name = cscf->server_names.elts;

    for (i = 0; i < cscf->server_names.nelts; i++) {

#if (NGX_PCRE)
        if (name[i].regex != NULL) {
            continue;
        }
#endif

        if (name[i].name.len == domain->len
            && ngx_strncmp(name[i].name.data, domain->data, domain->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_apievents_domain_note(ngx_http_apievents_definition_t *def)
{
    ngx_uint_t                       i;
    ngx_array_t                     *domains;
    ngx_http_apievents_domain_t     *domain;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(def->cf,
                                             ngx_http_apievents_module);

    domains = mcf->definition.domains;

    if (domains == NULL) {
        domains = ngx_array_create(def->cf->pool, 4,
                                   sizeof(ngx_http_apievents_domain_t));
        if (domains == NULL) {
            return NGX_ERROR;
        }

        mcf->definition.domains = domains;
    }

    domain = domains->elts;

    for (i = 0; i < domains->nelts; i++) {
        if (ngx_strcmp(domain[i].file.data, def->service->file.data) == 0) {
            break;
        }
    }

    if (i == domains->nelts) {
        domain = ngx_array_push(domains);
        if (domain == NULL) {
            return NGX_ERROR;
        }

        domain->file = def->service->file;
        domain->line = ae_value_get(def->root, "domain")->line;
        domain->served = 0;

    } else {
        domain = &domain[i];
    }

    domain->served |= !def->service->elsewhere;

    return NGX_OK;
}


void
ngx_http_apievents_definition_check_domains(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_http_apievents_domain_t     *domain;
    ngx_http_apievents_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_apievents_module);

    if (mcf->definition.domains == NULL) {
        return;
    }

    domain = mcf->definition.domains->elts;

    for (i = 0; i < mcf->definition.domains->nelts; i++) {

        if (!domain[i].served) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "no server has this definition: \"domain\" is no "
                          "\"server_name\" in front of \"api_definitions\", "
                          "in %V:%ui", &domain[i].file, domain[i].line);
        }
    }
}
