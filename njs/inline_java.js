/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The few classes of Java that handlers use.
 */

export default function (round, host) {
    var classes, print = host.print;


    /*
     * (name, value), (name, value, path, domain, comment, maxAge, secure,
     * httpOnly) and (name, value, path, domain, version, comment, maxAge,
     * expiry, secure, httpOnly)
     */

    function NewCookie(name, value, path, domain) {
        var n = arguments.length, a = arguments, with_version = n > 8;

        if (!(this instanceof NewCookie)) {
            throw new Error('NewCookie is called with "new"');
        }

        if (name === undefined || name === null
            || !/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(String(name)))
        {
            throw new Error('NewCookie: the name is no cookie name');
        }

        this.name = String(name);
        this.value = value === undefined || value === null ? ''
                     : String(value);
        this.path = given(path);
        this.domain = given(domain);
        this.comment = given(with_version ? a[5] : a[4]);
        this.maxAge = number(with_version ? a[6] : a[5]);
        this.expiry = with_version ? given(a[7]) : null;
        this.secure = (with_version ? a[8] : a[6]) === true;
        this.httpOnly = (with_version ? a[9] : a[7]) === true;
    }


    function given(value) {
        return value === undefined ? null : value;
    }


    function number(value) {
        return typeof value === 'number' ? value : -1;
    }


    function cookie_value(text) {
        return /^[!#-+\--:<-\[\]-~]*$/.test(text) ? text
               : '"' + text.replace(/["\\]/g, '\\$&') + '"';
    }


    function cookie_text() {
        var text = this.name + '=' + cookie_value(this.value);

        if (this.path !== null) {
            text += '; Path=' + attribute('path', this.path);
        }

        if (this.domain !== null) {
            text += '; Domain=' + attribute('domain', this.domain);
        }

        if (this.maxAge !== -1) {
            text += '; Max-Age=' + this.maxAge;
        }

        if (this.expiry !== null) {
            text += '; Expires=' + new Date(Number(this.expiry)).toUTCString();
        }

        return text + (this.secure ? '; Secure' : '')
               + (this.httpOnly ? '; HttpOnly' : '');
    }


    function attribute(name, value) {
        value = String(value);

        if (/[;\x00-\x1f\x7f]/.test(value)) {
            throw new Error('NewCookie: the ' + name + ' has a character that '
                            + 'no cookie can have');
        }

        return value;
    }


    function getter(name) {
        return function () {
            return this[name];
        };
    }


    function type(name) {
        if (classes[name] === undefined) {
            throw new Error('Java.type("' + name + '"): there is no Java here; '
                            + 'of its classes there are '
                            + Object.keys(classes).join(', '));
        }

        return classes[name];
    }


    NewCookie.DEFAULT_MAX_AGE = -1;
    NewCookie.prototype.toString = cookie_text;

    ['name', 'value', 'path', 'domain', 'comment', 'maxAge', 'expiry']
    .forEach(function (name) {
        NewCookie.prototype['get' + name.charAt(0).toUpperCase()
                            + name.slice(1)] = getter(name);
    });

    NewCookie.prototype.isSecure = getter('secure');
    NewCookie.prototype.isHttpOnly = getter('httpOnly');

    classes = {
        'javax.ws.rs.core.NewCookie': NewCookie,
        'java.lang.System': {
            out: {println: print, print: print},
            err: {println: print, print: print},

            currentTimeMillis: function () {
                return Date.now();
            }
        }
    };

    return {
        NewCookie: NewCookie,
        Java: {type: type},
        java: {lang: {System: classes['java.lang.System']}}
    };
}
