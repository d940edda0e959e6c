/*
 * request: reads a header; what comes of it is logged.
 *
 * The statement is as the documentation of Live API Creator prints it.
 */

//header names are usually lowercase
var contentType = headers["content-type"];

log.info('content type ' + contentType);
