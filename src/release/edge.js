// The edge function of a site: one text for viewer-request and viewer-response.
//
// It holds the same rules as rules.rs and encoding.rs; the tests there run this very text. The
// lines that begin with "const SECURITY", "const LEADS" and "const FALLBACK" are filled in by
// edge.rs. Comments, always on lines of their own, and spaces that mean nothing are left out there,
// because the limit is 10 KB.
//
// Only what the runtime cloudfront-js-2.0 has: ECMAScript 5.1 with const, let, async, await
// (no closures in async functions, no await in arguments), and listed methods of 6 to 12.
import cf from 'cloudfront';
import crypto from 'crypto';
const store = cf.kvs();

// Name and value of the headers of every answer.
const SECURITY = {};
// Host names that lead to the domain, and the domain: { from: [], to: '' }.
const LEADS = { from: [], to: '' };
// The pointer for when the store has none, or null.
const FALLBACK = null;
// What browsers are told of pages and redirects that say nothing else.
const REVALIDATE = 'public, max-age=0, must-revalidate';
// What they are told of what is named by its contents.
const IMMUTABLE = 'public, max-age=31536000, immutable';
// An immutable name: the object's id and flag before the ending.
const KEPT = /~([\w-]{12})([AB])\.\w{1,16}$/;
// Where the token of a preview is: in a link, and then in a cookie.
const ASKED = 'arq-preview';
const CARRIED = '__Host-arq-preview';
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
// Offset basis of FNV-1a.
const BASIS = 0x811c9dc5;
const NAMES = { 302: 'Found', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 503: 'Service Unavailable' };
// Length of an entry of a bucket: fingerprint, object id, flag.
const ENTRY = 17;

async function handler(event) {
    const request = event.request;
    if (event.context.eventType === 'viewer-response') return answered(request, event.response);
    forget(request.headers);
    const host = request.headers.host ? request.headers.host.value : '';
    if (LEADS.from.indexOf(host) >= 0) return sent('https://' + LEADS.to + request.uri, request);
    const kept = KEPT.exec(request.uri.slice(-31));
    if (kept !== null) {
        request.headers['x-arq-kept'] = { value: '1' };
        return object(request, kept[1], kept[2]);
    }
    let pointer = null;
    if (request.querystring[ASKED] || request.cookies[CARRIED]) {
        pointer = await previewed(request, request.querystring[ASKED], request.cookies[CARRIED]);
        if (pointer !== null && pointer.statusCode) return pointer;
    }
    if (pointer === null) pointer = await live();
    if (pointer !== null && pointer.m) return said(503, 'Down for maintenance. Please come back in a few minutes.', { 'retry-after': { value: '300' } });
    if (request.uri.startsWith('/api/')) return forApi(request, pointer);
    const decoded = addressable(request.uri);
    const path = decoded === null ? '' : decoded.replace(/\/\/+/g, '/');
    if (path === '/api') return moved('/api/', request);
    if (path.startsWith('/api/')) return moved(path, request);
    // Before the first release, or with neither store nor fallback.
    if (pointer === null) return said(404, 'Not found', {});
    let found = null;
    if (path !== '') {
        let slot = pointer;
        let bucket = await read(pointer, path);
        if (bucket === null && pointer.p) {
            // This edge knows the pointer but not yet its keys: the release before still answers.
            slot = pointer.p;
            bucket = await read(slot, path);
        }
        if (bucket !== null) found = lookup(bucket, slot.s, path, path !== decoded);
        if (found === null && slot.d) found = await ruled(slot, path, request);
    }
    if (found === null) return missing(request, pointer);
    if (found.statusCode) return found;
    return found.to ? moved(found.to, request) : object(request, found.id, found.flag);
}

// The object, in the encoding that the viewer likes best.
function object(request, id, flag) {
    request.uri = '/c/' + id + (flag === 'B' ? best(request.headers['accept-encoding']) : '');
    // The answer does not depend on it, so the cache must not either.
    request.querystring = {};
    return request;
}

// The ending of the encoding that is liked best; brotli where both are liked alike.
function best(header) {
    const likes = {};
    (header ? header.value : '').toLowerCase().split(',').forEach((item) => {
        const parts = item.split(';');
        const weight = parts[1] ? parts[1].replace(/\s/g, '') : '';
        likes[parts[0].trim()] = weight === '' ? 1 : /^q=[01](\.\d*)?$/.test(weight) ? Math.min(1, +weight.slice(2)) : 0;
    });
    const like = (name) => name in likes ? likes[name] : '*' in likes ? likes['*'] : 0;
    const most = Math.max(like('br'), like('gzip'));
    if (most === 0 || most < ('identity' in likes ? likes.identity : 0)) return '';
    return like('br') < most ? '.gz' : '.br';
}

// The release that a token lets its bearer see; or the answer to a link; or null for the live one.
async function previewed(request, asked, carried) {
    const parts = (asked || carried).value.split('.');
    let slot = null;
    let secret = '';
    try {
        secret = await store.get('preview');
        slot = await store.get(parts[0] + ':p');
    } catch (_) {}
    const sound = slot !== null && parts[1] * 1000 > Date.now();
    if (!asked) return sound && parts[2] === 'c' && signed(secret, parts, 'c', '') === parts[3] ? JSON.parse(slot) : null;
    const closed = parts[2] === 'p';
    const basic = request.headers.authorization ? request.headers.authorization.value.split(' ')[1] || '' : '';
    const password = closed ? Buffer.from(basic, 'base64').toString().replace(/^[^:]*:/, '') : '';
    if (!sound || !(closed || parts[2] === 'o')) return said(403, 'This link is not valid, or not any more.', {});
    if (signed(secret, parts, parts[2], password) !== parts[3]) {
        return closed ? said(401, 'This preview asks for a password.', { 'www-authenticate': { value: 'Basic realm="Preview", charset="UTF-8"' } }) : said(403, 'This link is not valid.', {});
    }
    delete request.querystring[ASKED];
    const rest = joined(request.querystring);
    const answer = said(302, '', { location: { value: request.uri.replace(/^\/+/, '/') + (rest ? '?' + rest : '') } });
    const life = parts[1] - Math.floor(Date.now() / 1000);
    answer.cookies = {};
    answer.cookies[CARRIED] = {
        value: parts[0] + '.' + parts[1] + '.c.' + signed(secret, parts, 'c', ''),
        attributes: 'Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=' + life,
    };
    return answer;
}

// What proves a token, of this kind and with this password.
function signed(secret, parts, kind, password) {
    return crypto.createHmac('sha256', secret).update(parts[0] + '.' + parts[1] + '.' + kind + '.' + password).digest('base64url');
}

// Only this function may say these headers to the API.
function forget(headers) {
    Object.keys(headers).forEach((name) => {
        if (name.startsWith('x-arq-')) delete headers[name];
    });
}

// The pointer to what is live: from the store, else the one in this text.
async function live() {
    try {
        const text = await store.get('live');
        const pointer = JSON.parse(text);
        if (pointer && pointer.r && pointer.e && pointer.n > 0) return pointer;
    } catch (_) {}
    return FALLBACK;
}

// The bucket of a page in a release, or null when the store does not have it.
async function read(release, path) {
    const bucket = mix(fnv(release.s ^ BASIS, stem(path))) % release.n;
    try {
        return await store.get(release.r + ':' + bucket);
    } catch (_) {
        return null;
    }
}

// The decoded path, or null when it cannot name a page.
function addressable(uri) {
    let path;
    let bytes;
    try {
        path = decodeURIComponent(uri);
        bytes = encodeURIComponent(path).replace(/%../g, '_').length;
    } catch (_) {
        return null;
    }
    if (path[0] !== '/' || bytes > 1024 || /[\x00-\x1f\x7f\\]/.test(path)) return null;
    const visible = path.startsWith('/.well-known/') ? path.slice(12) : path;
    return visible.includes('/.') ? null : path;
}

// What all forms of one page have in common.
function stem(path) {
    if (path.endsWith('/index.html')) return path.slice(0, -11);
    if (path.endsWith('/')) return path.slice(0, -1);
    return path.endsWith('.html') ? path.slice(0, -5) : path;
}

// The object of a page, or where the page is, or null. All forms begin with the stem, which
// is hashed once. A path that was written with "//" is never the page itself.
function lookup(bucket, seed, path, rewritten) {
    const key = stem(path);
    const state = fnv(seed ^ 0x9e3779b9 ^ BASIS, key);
    const exact = entry(bucket, fnv(state, path.slice(key.length)));
    if (exact !== null) return rewritten ? { to: path } : exact;
    const ends = ['', '.html', '/'];
    for (let i = 0; i < ends.length; i++) {
        const form = key + ends[i];
        if (form !== path && form !== '' && entry(bucket, fnv(state, ends[i])) !== null) return { to: form };
    }
    return null;
}

// The object of an entry, found by the four characters of its fingerprint.
function entry(bucket, state) {
    const hash = mix(state);
    const print = DIGITS[(hash >>> 18) & 63] + DIGITS[(hash >>> 12) & 63] + DIGITS[(hash >>> 6) & 63] + DIGITS[hash & 63];
    let at = bucket.indexOf(print);
    while (at >= 0 && at % ENTRY !== 0) at = bucket.indexOf(print, at + 1);
    return at < 0 ? null : { id: bucket.slice(at + 4, at + 16), flag: bucket[at + 16] };
}

// What the rules say of a path without a page: an answer, or an object, or null. Keys of rules
// are the stem, then its beginnings with their slash, the longest first. The mask slot.d has a bit
// for each number of parts of beginnings that there are, and bit 11 for stems.
async function ruled(slot, path, request) {
    const key = stem(path);
    const parts = key.split('/');
    const hashes = [];
    let exact = 0;
    let state = BASIS;
    for (let i = 0; i < parts.length && i < 11; i++) {
        exact = fnv(state, parts[i]);
        state = fnv(exact, '/');
        hashes.push(state);
    }
    hashes[11] = parts[11] ? fnv(state, parts.slice(11).join('/')) : exact;
    for (let depth = 11; depth >= 0; depth--) {
        if ((slot.d >> depth) & 1 && hashes[depth] !== undefined) {
            let bucket = '-';
            try {
                bucket = await store.get(slot.r + ':r' + (mix(hashes[depth]) % slot.x));
            } catch (_) {}
            const found = alternative(bucket, depth > 10 ? key : parts.slice(0, depth + 1).join('/') + '/', path, request);
            if (found !== null) return found;
        }
    }
    return null;
}

// The first line of a key that is for this visitor's language, or for exactly this path. A line
// is key, language or path, status, parts that :splat leaves out, and where to.
function alternative(bucket, key, path, request) {
    const accept = request.headers['accept-language'];
    const language = accept ? /^[a-z]*/i.exec(accept.value)[0].toLowerCase() : '';
    const fits = (line) => line[0] === key && (!line[1] || line[1] === language || line[1] === path);
    const line = bucket.split('\n').map((text) => text.split('\t')).find(fits);
    if (!line) return null;
    const to = line[4];
    if (line[2] === '200') return { id: to.slice(0, 12), flag: to[12] };
    // An empty :splat must not make "//", which would lead to another site.
    return sent(to.split(':splat').join(encoded(path, line[3])).replace(/^\/+/, '/'), request, +line[2]);
}

// FNV-1a, 32 bits, over the UTF-8 bytes of the text, from a state.
function fnv(state, text) {
    const bytes = encodeURIComponent(text);
    for (let i = 0; i < bytes.length; i++) {
        let byte = bytes.charCodeAt(i);
        if (byte === 37) {
            byte = parseInt(bytes.slice(i + 1, i + 3), 16);
            i += 2;
        }
        state = Math.imul(state ^ byte, 0x01000193);
    }
    return state;
}

// The finaliser of MurmurHash3.
function mix(hash) {
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
}

function forApi(request, pointer) {
    const headers = request.headers;
    if (pointer !== null) {
        // A release without an API has nothing there.
        if (!pointer.a) return missing(request, pointer);
        headers['x-arq-release'] = { value: pointer.r };
        headers['x-arq-api'] = { value: pointer.a };
    }
    if (headers.host) headers['x-arq-host'] = { value: headers.host.value };
    return request;
}

function missing(request, pointer) {
    return object(request, pointer.e.slice(0, 12), pointer.e[12]);
}

function moved(path, request) {
    return sent(encoded(path, 0), request);
}

// The path without so many of its parts, percent-encoded.
function encoded(path, skip) {
    return path.split('/').slice(skip).map((part) => encodeURIComponent(part)).join('/');
}

// A redirect with the query string as it came, unless the place has its own; 308 if no other.
function sent(place, request, status) {
    const asked = query(request);
    const whole = place.includes('?') ? place : place.replace(/(?=#)|$/, () => asked);
    const headers = { location: { value: whole }, 'cache-control': { value: REVALIDATE } };
    return { statusCode: status || 308, statusDescription: status ? '' : 'Permanent Redirect', headers: secured(headers) };
}

// The query string with its question mark, as it came; ASCII, as a header must be.
function query(request) {
    const text = request.rawQueryString ? request.rawQueryString() : joined(request.querystring || {});
    try {
        return text ? '?' + text.replace(/[^\x21-\x7e]+/g, (run) => encodeURIComponent(run)) : '';
    } catch (_) {
        return '';
    }
}

// The query string from its fields, for where rawQueryString() is not at hand.
function joined(fields) {
    const parts = [];
    Object.keys(fields).forEach((name) => {
        const values = fields[name].multiValue || [fields[name]];
        values.forEach((one) => parts.push(one.value ? name + '=' + one.value : name));
    });
    return parts.join('&');
}

// A short answer of the function's own.
function said(status, body, headers) {
    headers['content-type'] = { value: 'text/plain' };
    headers['cache-control'] = { value: 'no-store' };
    return { statusCode: status, statusDescription: NAMES[status], headers: secured(headers), body: body };
}

function answered(request, response) {
    const headers = response.headers;
    const status = headers['x-amz-meta-status'];
    // A page may answer for an API that a release lacks: the one with a status.
    if (request.uri.startsWith('/api/') && !status) {
        secured(headers);
        return response;
    }
    if (status && response.statusCode === 200) {
        response.statusCode = parseInt(status.value, 10);
        response.statusDescription = NAMES[response.statusCode] || '';
    }
    // What S3 says is meant for CloudFront. Which of both requests is seen here is not documented.
    const kept = request.headers['x-arq-kept'] || KEPT.test(request.uri);
    headers['cache-control'] = { value: kept ? IMMUTABLE : REVALIDATE };
    // A 304 may come without the metadata; without this header, what the browser knows still holds.
    if (response.statusCode === 304) delete headers['cache-control'];
    Object.keys(headers).forEach((name) => {
        const value = headers[name].value;
        if (name.startsWith('x-amz-')) delete headers[name];
        if (name.startsWith('x-amz-meta-h-')) headers[name.slice(13)] = { value: value };
    });
    delete headers.server;
    if (request.cookies && request.cookies[CARRIED]) {
        headers['x-robots-tag'] = { value: 'noindex' };
        if (!kept) headers['cache-control'] = { value: 'private, no-store' };
    }
    secured(headers);
    return response;
}

// Adds the security headers that are absent.
function secured(headers) {
    Object.keys(SECURITY).forEach((name) => {
        if (!headers[name]) headers[name] = { value: SECURITY[name] };
    });
    return headers;
}
