/*
 * request: makes members with suffixes of nested groups:
 * {"name": "x", "address": {"city": "y"}} becomes
 * {"name": "x", "city_address": "y"}.
 */

var GROUPS = ['address', 'contact'];

if (!json) {
    return;
}

var data = JSON.parse(json);

each(data, flatten);
json = JSON.stringify(data);


function each(value, fn) {
    (Array.isArray(value) ? value : [value]).forEach(fn);
}


function flatten(row) {
    GROUPS.forEach(function (group) {
        var nested = row[group];

        if (nested === null || typeof nested !== 'object') {
            return;
        }

        delete row[group];

        Object.keys(nested).forEach(function (name) {
            row[name + '_' + group] = nested[name];
        });
    });
}
