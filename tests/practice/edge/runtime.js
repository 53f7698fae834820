// What stands around a CloudFront function: the modules it may import and the way its result comes out.
// The host asks __asked() for the next read of the store and gives it to __answer().
var __pending = null, __done = null, __logs = [];
var __modules = {
  cloudfront: {
    kvs: function (id) {
      function ask(what, key) {
        return new Promise(function (resolve, reject) {
          if (__pending) { reject(new Error('only one read at a time')); return; }
          if ((what === 'get' || what === 'exists') && typeof key !== 'string') { reject(new Error('the key is not a string')); return; }
          __pending = { question: { what: what, key: key }, resolve: resolve, reject: reject, asked: false };
        });
      }
      return {
        get: function (key, options) {
          return ask('get', key).then(function (value) { return options && options.format === 'json' ? JSON.parse(value) : value; });
        },
        exists: function (key) { return ask('exists', key); },
        count: function () { return ask('count'); },
        meta: function () { return ask('meta'); },
      };
    },
  },
  crypto: {},
  querystring: {},
};
var console = {
  log: function () { __logs.push(Array.prototype.map.call(arguments, function (a) { return typeof a === 'string' ? a : JSON.stringify(a); }).join(' ')); },
};
console.error = console.log;
function __start(text) {
  function end(output, error) { __done = { output: output === undefined ? null : output, error: error, logs: __logs }; }
  function fail(error) { end(null, error && error.stack ? String(error) : 'thrown: ' + String(error)); }
  try {
    if (typeof handler !== 'function') throw new Error('The function has no handler.');
    Promise.resolve(handler(JSON.parse(text))).then(function (output) { end(output, null); }, fail);
  } catch (error) { fail(error); }
}
function __asked() {
  if (__pending === null || __pending.asked) return null;
  __pending.asked = true;
  return JSON.stringify(__pending.question);
}
function __answer(text) {
  var found = JSON.parse(text), pending = __pending;
  __pending = null;
  if (found.error) pending.reject(new Error(found.error)); else pending.resolve(found.value);
}
function __result() {
  return JSON.stringify(__done || { output: null, error: 'The function did not finish.', logs: __logs });
}
