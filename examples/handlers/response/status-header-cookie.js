/*
 * response: sets the status, a header and a cookie.
 *
 * As the documentation of Live API Creator prints it.
 */

var NewCookie = Java.type("javax.ws.rs.core.NewCookie");
var cookie = new NewCookie("MyCookie", "My cookie value");
response.cookie(cookie);
response.header("X-my-special-header", "My header value");
response.status(299);
