/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * The few classes of Java that handlers use.
 */

export default function (round, host) {
    var classes, print = host.print;


    /*
     * (name, value), (name, value, path, domain, comment, maxAge, secure,
     * httpOnly), (name, value, path, domain, version, comment, maxAge, secure)
     * and the same with (expiry, secure, httpOnly) at its end
     */

    function NewCookie(name, value, path, domain) {
        var a = arguments, has_expiry = a.length > 8;
        var from = has_expiry || typeof a[4] === 'number' ? 5 : 4;
        var last = has_expiry ? 8 : from + 2;

        if (!(this instanceof NewCookie)) {
            throw new Error('NewCookie is called with "new"');
        }

        if (name === undefined || name === null
            || String(name) === ''
            || /[^!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String(name)))
        {
            throw new Error('NewCookie: the name is no cookie name');
        }

        this.name = String(name);
        this.value = value === undefined || value === null ? ''
                     : String(value);
        this.path = given(path);
        this.domain = given(domain);
        this.comment = given(a[from]);
        this.maxAge = seconds(a[from + 1]);
        this.expiry = has_expiry ? date(a[7]) : null;
        this.secure = a[last] === true;
        this.httpOnly = a[last + 1] === true;
    }


    function given(value) {
        return value === undefined ? null : value;
    }


    /* -1: until the browser ends */

    function seconds(value) {
        var n = value === undefined || value === null ? -1 : Number(value);

        if (Math.floor(n) !== n || Math.abs(n) > 0x7fffffff) {
            throw new Error('NewCookie: the age "' + value
                            + '" is no number of seconds');
        }

        return n;
    }


    function date(value) {
        if (value === undefined || value === null) {
            return null;
        }

        if (isNaN(Number(value))) {
            throw new Error('NewCookie: the expiry "' + value
                            + '" is no Date');
        }

        return value;
    }


    function cookie_value(text) {
        if (text.indexOf(';') >= 0) {
            throw new Error('NewCookie: the value has a ";", where browsers '
                            + 'see its end: use encodeURIComponent()');
        }

        return /[^!#-+\--:<-\[\]-~]/.test(text)
               ? '"' + text.replace(/["\\]/g, '\\$&') + '"' : text;
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
        if (!Object.prototype.hasOwnProperty.call(classes, name)) {
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
                return host.get('Date').now();
            }
        }
    };

    return {
        NewCookie: NewCookie,
        Java: {type: type},
        java: {lang: {System: classes['java.lang.System']}}
    };
}
