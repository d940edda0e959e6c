/*
 * options: what browsers may do.  Of the two origins the one that asks is
 * answered.
 *
 * As the documentation of Live API Creator prints it.
 */

return {
"Access-Control-Allow-Methods" : "GET,PUT,POST,DELETE",
"Access-Control-Allow-Origin" : "https://internal.acme.com,https://safe.acme.com",
"Access-Control-Allow-Headers" : "authorization,content-type,accept,x-requested-with,X-CALiveAPICreator-ResponseFormat",
"Access-Control-Max-Age" : 2400 ,
"HTTPStatusCode" : 200
};
