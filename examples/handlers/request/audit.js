/*
 * request: keeps a copy of each body that is posted, as a row of another
 * resource.
 *
 * Live API Creator has properties of resources for what is audited, and where
 * to; here that is a table in the script.
 */

var PERSIST_TO = {
    PartnerOrder: 'PartnerMessages'
};

var target = PERSIST_TO[req.resourceName];

if (req.verb != 'POST' || target === undefined) {
    return;
}

// this is a request of its own, that stays whatever becomes of this one
SysUtility.restPost(req.localFullBaseURL + target, null, null, {
    resource: req.resourceName,
    user: req.apiKey.getUserIdentifier(),
    message: req.json
});

print('audited: ' + req.resourceName);
