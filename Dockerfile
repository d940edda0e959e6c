# The gateway as an image: nginx, njs and the module, from packages of Debian.
#
#     docker build -t apievents .
#     docker run -p 8080:8080 apievents
#
# Mount a configuration at /etc/nginx/nginx.conf, and a volume at
# /var/lib/apievents, the state path, to keep it.

ARG BASE=debian:bookworm-slim


FROM ${BASE} AS build

RUN apt-get -q update \
    && apt-get -q -y --no-install-recommends install \
        gcc libc6-dev libcurl4-openssl-dev libhiredis-dev libpcre2-dev \
        libsqlite3-dev libssl-dev libyajl-dev make nginx-dev zlib1g-dev

WORKDIR /apievents
COPY . .
RUN make


FROM ${BASE}

RUN apt-get -q update \
    && apt-get -q -y --no-install-recommends install \
        ca-certificates libcurl4 libnginx-mod-http-js libsqlite3-0 libyajl2 \
        nginx \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && install -d -o www-data -g www-data -m 0700 \
        /var/lib/apievents /var/cache/apievents

COPY --from=build /apievents/build/ngx_http_apievents_module.so \
    /usr/lib/nginx/modules/
COPY conf.example/container/ /etc/nginx/

USER www-data
VOLUME /var/lib/apievents
EXPOSE 8080
STOPSIGNAL SIGQUIT
CMD ["nginx", "-e", "stderr", "-g", "daemon off;"]
