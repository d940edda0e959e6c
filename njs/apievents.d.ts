/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Types of handlers in the form of modules.  For what a handler is, the type
 * of ctx says, in a file of JavaScript by a comment of JSDoc:
 *
 *     @param {import('PATH/apievents').RequestContext} ctx
 */

export type JSONValue = null | boolean | number | string | JSONValue[]
                        | { [name: string]: any };


/* what every handler has */

interface Functions {
    rawlog(text: string): void;
    b64enc(text: string): string;
    b64dec(text: string): string | undefined;
    rawb64enc(text: string): string;
    rawb64dec(text: string): string | undefined;

    TykGetKeyData(key: string, apiid?: string): string;
    TykSetKeyData(key: string, session: string,
                  suppress_reset?: 0 | 1 | '0' | '1'): void;
    TykMakeHttpRequest(request: string | HttpRequest): string | undefined;
    TykBatchRequest(request: string | BatchRequest): string | undefined;
    raiseEvent(name: string, meta?: string | { [name: string]: any }): void;

    readonly context: { APIID: string; OrgID: string };
    readonly http: Http;
}

export interface HttpRequest {
    Method?: string;
    Domain?: string;
    Resource?: string;
    URL?: string;
    Headers?: { [name: string]: string };
    Body?: string;
    FormData?: { [name: string]: string };
}

export interface HttpReply {
    Code: number;
    Body: string;
    Headers: { [name: string]: string[] };
    code: number;
    body: string;
    headers: { [name: string]: string[] };
}

export interface BatchRequest {
    requests: {
        method?: string;
        headers?: { [name: string]: string };
        body?: string;
        relative_url: string;
    }[];
    suppress_parallel_execution?: boolean;
}

export interface BatchReply {
    relative_url: string;
    code: number;
    headers: { [name: string]: string[] };
    body: string;
}

export interface Http {
    request(request: string | HttpRequest): Promise<HttpReply | undefined>;
    batch(request: string | BatchRequest): Promise<BatchReply[] | undefined>;
    TykMakeHttpRequest(request: string | HttpRequest):
        Promise<string | undefined>;
    TykBatchRequest(request: string | BatchRequest):
        Promise<string | undefined>;
}


/* handlers of events */

export interface ApiEvent {
    EventType: string;
    EventMetaData: { [name: string]: any };
    TimeStamp: string;
}

export interface EventContext extends Functions {
    readonly event: ApiEvent;
    log(text: string): void;
}

export type EventHandler = (ctx: EventContext) => void | Promise<void>;


/* what handlers of all phases have */

export interface Log {
    (text: any): void;
    error(text: any): void;
    warning(text: any): void;
    warn(text: any): void;
    info(text: any): void;
    debug(text: any): void;
    fine(text: any): void;
    finer(text: any): void;
    finest(text: any): void;
    isErrorEnabled(): boolean;
    isWarningEnabled(): boolean;
    isWarnEnabled(): boolean;
    isInfoEnabled(): boolean;
    isDebugEnabled(): boolean;
    isFineEnabled(): boolean;
    isFinerEnabled(): boolean;
    isFinestEnabled(): boolean;
}

export interface UserProperties {
    get(name: string): any;
    put(name: string, value: any): any;
    remove(name: string): any;
    containsKey(name: string): boolean;
    size(): number;
    isEmpty(): boolean;
    keySet(): string[];
}

export interface Req {
    readonly verb: string;
    readonly resourceName: string;
    readonly clientAddress: string;
    readonly clientUsesHttps: boolean;
    readonly urlParameters: { readonly [name: string]: any };
    readonly apiKey: {
        readonly userIdentifier: string | null;
        getUserIdentifier(): string | null;
    };
    getApiKey(): Req['apiKey'];
    readonly apiVersion: { readonly name: string; getName(): string };
    readonly baseUrl: string;
    readonly localBaseUrl: string;
    readonly fullBaseURL: string;
    readonly localFullBaseURL: string;
    getBaseUrl(): string;
    readonly httpHeaders: { readonly [name: string]: string | undefined };
    /** the body as the client sent it; null without one */
    readonly json: string | null;
    getUserProperties(): UserProperties;
    setUserProperty(name: string, value: any): void;
}

/** what becomes arguments of a query; of an array one for each item */
export interface Parameters {
    [name: string]: any;
}

export interface RestSettings {
    headers?: { [name: string]: string | number };
}

/** Text: what the calls that are not of the own API give */
interface Utility<Text> {
    getResource(name: string, settings?: Parameters | null): any;
    getResourceAsString(name: string, settings?: Parameters | null): string;
    getFunction(name: string, args?: Parameters | null): Text;
    restGet(url: string, params?: Parameters | null,
            settings?: RestSettings | null): Text;
    restDelete(url: string, params?: Parameters | null,
               settings?: RestSettings | null): Text;
    restPost(url: string, params?: Parameters | null,
             settings?: RestSettings | null, data?: JSONValue): Text;
    restPut(url: string, params?: Parameters | null,
            settings?: RestSettings | null, data?: JSONValue): Text;
    restPatch(url: string, params?: Parameters | null,
              settings?: RestSettings | null, data?: JSONValue): Text;
    getProjectInfo(): { urlFragment: string };
    getTeamSpaceInfo(): { urlFragment: string };
}

export interface NewCookie {
    readonly name: string;
    readonly value: string;
    readonly path: string | null;
    readonly domain: string | null;
    readonly comment: string | null;
    readonly maxAge: number;
    readonly expiry: Date | number | null;
    readonly secure: boolean;
    readonly httpOnly: boolean;
    getName(): string;
    getValue(): string;
    getPath(): string | null;
    getDomain(): string | null;
    getComment(): string | null;
    getMaxAge(): number;
    getExpiry(): Date | number | null;
    isSecure(): boolean;
    isHttpOnly(): boolean;
}

export interface NewCookieConstructor {
    new (name: string, value: string): NewCookie;
    new (name: string, value: string, path: string | null,
         domain: string | null, comment: string | null, maxAge: number,
         secure: boolean, httpOnly?: boolean): NewCookie;
    new (name: string, value: string, path: string | null,
         domain: string | null, version: number, comment: string | null,
         maxAge: number, secure: boolean): NewCookie;
    new (name: string, value: string, path: string | null,
         domain: string | null, version: number, comment: string | null,
         maxAge: number, expiry: Date | number | null, secure: boolean,
         httpOnly: boolean): NewCookie;
    readonly DEFAULT_MAX_AGE: -1;
}

/** the classes of Java that there are */
export interface Java {
    type(name: 'javax.ws.rs.core.NewCookie'): NewCookieConstructor;
    type(name: 'java.lang.System'): JavaSystem;
}

export interface JavaSystem {
    out: { print(text: any): void; println(text: any): void };
    err: { print(text: any): void; println(text: any): void };
    currentTimeMillis(): number;
}

interface PhaseContext extends Functions {
    readonly req: Req;
    readonly log: Log;
    readonly SysUtility: Utility<string>;
    readonly SysUtilityV2: Utility<any>;
    readonly NewCookie: NewCookieConstructor;
    readonly Java: Java;
    print(text: any): void;
}


/* phase request */

export interface RequestContext extends PhaseContext {
    /** the body, null without one; another text is what upstream gets */
    json: string | null;
    /** by names in lower case, without credentials */
    headers: { [name: string]: string | null | undefined };
}

export type RequestHandler = (ctx: RequestContext) => void | Promise<void>;


/* phase response */

export interface CacheControl {
    private?: boolean;
    noCache?: boolean;
    noStore?: boolean;
    noTransform?: boolean;
    mustRevalidate?: boolean;
    proxyRevalidate?: boolean;
    maxAge?: number;
    sMaxAge?: number;
}

/** each gives the same object back; null removes a header */
export interface ResponseBuilder {
    status(status: number): this;
    header(name: string, value: string | number | Date | null): this;
    cookie(...cookies: (NewCookie | string)[]): this;
    cookie(cookies: (NewCookie | string)[] | null): this;
    type(type: string | null): this;
    language(language: string | null): this;
    encoding(encoding: string | null): this;
    location(uri: string | null): this;
    contentLocation(uri: string | null): this;
    tag(tag: string | null): this;
    lastModified(date: Date | number | string | null): this;
    expires(date: Date | number | string | null): this;
    cacheControl(control: CacheControl | string | null): this;
    link(uri: string, rel?: string): this;
    links(...links: string[]): this;
    allow(...methods: string[]): this;
    allow(methods: string[] | null): this;
    variant(variant: { mediaType?: string; language?: string;
                       encoding?: string } | null): this;
    replaceAll(headers: { [name: string]: string | string[] } | null): this;
}

/** Json: what the upstream answers */
export interface ResponseContext<Json = any> extends PhaseContext {
    json: Json;
    readonly response: ResponseBuilder;
}

export type ResponseHandler<Json = any> =
    (ctx: ResponseContext<Json>) => void | Promise<void>;


/* phase options */

export interface Preflight {
    HTTPStatusCode?: number;
    [header: string]: string | number | string[] | null | undefined;
}

export interface OptionsContext extends PhaseContext {
    readonly json: null;
}

export type OptionsHandler =
    (ctx: OptionsContext) => Preflight | Promise<Preflight>;


/* phase error */

export interface ApiError {
    statusCode: number;
    errorCode: number;
    errorMessage: string;
    message: string;
    [name: string]: any;
}

/** Json: what is assigned may have another shape than what comes */
export interface ErrorContext<Json = any> extends PhaseContext {
    get json(): ApiError;
    set json(value: ApiError | Json);
}

export type ErrorHandler = (ctx: ErrorContext) => void | Promise<void>;
