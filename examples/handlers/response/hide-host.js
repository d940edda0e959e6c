/*
 * response: turns the absolute links of "@metadata" into paths, so that no
 * name or address of a host behind the gateway gets out.
 */

walk(json);


// declared behind its use: functions are hoisted
function walk(value) {
    if (value === null || typeof value !== 'object') {
        return;
    }

    if (value['@metadata']) {
        hide(value['@metadata']);
    }

    Object.keys(value).forEach(function (name) {
        walk(value[name]);
    });
}


function hide(metadata) {
    delete metadata.links;

    if (typeof metadata.href === 'string') {
        metadata.href = metadata.href.replace(/^https?:\/\/[^\/]*/, '');
    }
}
