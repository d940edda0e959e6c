/*
 * request: asks the API which attributes a resource has, and takes out of the
 * body what is not among them.
 *
 * "@resources/NAME" is expected to answer {"attributes": [{"name"}, ...]}.
 * Where Live API Creator's scripts say "for each (x in y)", forEach() is used.
 */

if (!json || (req.verb != 'POST' && req.verb != 'PUT')) {
    return;
}

var known = {'@metadata': true};
var url = req.localFullBaseURL + '@resources/' + req.resourceName;
var schema = JSON.parse(SysUtility.restGet(url, null, null));

if (!schema.attributes) {
    throw 'no attributes of ' + req.resourceName + ' are known';
}

schema.attributes.forEach(function (attribute) {
    known[attribute.name] = true;
});

var data = JSON.parse(json);

(Array.isArray(data) ? data : [data]).forEach(function (row) {
    Object.keys(row).forEach(function (name) {
        if (!known[name]) {
            log.debug('ignored: ' + name);
            delete row[name];
        }
    });
});

json = JSON.stringify(data);
