/*
 * Parses each line of the standard input as a List of RFC 9651 and prints it
 * as JSON, a line each: [["name", {"q": 1}], ...] or {"error": "..."}.  The
 * argument is the folder of node_modules.
 */

'use strict';

const { createRequire } = require('module');

const structured = createRequire(process.argv[2] + '/')('structured-headers');


function parse(line) {
    const items = structured.parseList(line);

    return items.map(([name, parameters]) => {

        if (typeof name !== 'string') {
            throw new Error('not a String: ' + typeof name);
        }

        return [name, Object.fromEntries(parameters)];
    });
}


function answer(line) {
    try {
        return parse(line);

    } catch (e) {
        return { error: e.message };
    }
}


const text = require('fs').readFileSync(0, 'utf8');

for (const line of text.split('\n').slice(0, -1)) {
    process.stdout.write(JSON.stringify(answer(line)) + '\n');
}
