/*
 * request: stamps what is made or changed with the date.  The clock stands
 * still while a handler runs: all rows get the same date.
 */

if ((req.verb != 'POST' && req.verb != 'PUT') || req.resourceName != 'Product'
    || !json)
{
    return;
}

var rows = JSON.parse(json);

(Array.isArray(rows) ? rows : [rows]).forEach(function (row) {
    row.ModifiedDate = new Date().toISOString();
    log.debug('stamped: ' + row.ModifiedDate);
});

json = JSON.stringify(rows);
