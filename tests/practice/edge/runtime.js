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
};
var __bytes = null, __now = 0;
// Only modules that the guide names; they are there when runtime_modules.js was loaded.
function require(name) {
  if ((name === 'crypto' || name === 'querystring') && __modules[name]) return __modules[name];
  throw new Error('Cannot find module "' + name + '"');
}
// `Date` shows the moment at which the run began, all the time. Source: CloudFront guide, restricted features.
function __clock(moment) { __now = moment; }
(function (global) {
  var Real = Date;
  function Still() {
    if (!(this instanceof Still)) return new Real(__now).toString();
    if (arguments.length === 0) return new Real(__now);
    return new (Real.bind.apply(Real, [null].concat(Array.prototype.slice.call(arguments))))();
  }
  Still.prototype = Real.prototype;
  Still.now = function () { return __now; };
  Still.parse = Real.parse;
  Still.UTC = Real.UTC;
  Object.defineProperty(Real.prototype, 'constructor', { value: Still });
  global.Date = Still;

  // ECMAScript 6 and later beyond what the guide lists: the engines here know it, the runtime does not.
  function without(object, names) { names.split(' ').forEach(function (name) { delete object[name]; }); }
  var typed = Object.getPrototypeOf(Uint8Array.prototype), iterators = 'entries keys values at findLast findLastIndex toReversed toSorted with';
  without(Array, 'from fromAsync');
  without(Array.prototype, iterators + ' flat flatMap toSpliced');
  without(typed, iterators);
  without(Object, 'fromEntries hasOwn getOwnPropertySymbols groupBy');
  without(String, 'raw');
  without(String.prototype, 'normalize matchAll at isWellFormed toWellFormed');
  without(Promise, 'withResolvers try');
  without(global, 'Map Set WeakMap WeakSet WeakRef FinalizationRegistry Proxy Reflect BigInt BigInt64Array BigUint64Array ' +
    'SharedArrayBuffer Atomics Intl WebAssembly AggregateError Iterator escape unescape queueMicrotask structuredClone ' +
    'BigFloat BigFloatEnv BigDecimal Operators');
  // Dynamic code is an error, whichever way a function comes by it.
  function refuse() { throw new EvalError('Code generation from strings disallowed for this context'); }
  function NoFunction() { refuse(); }
  NoFunction.prototype = Function.prototype;
  Object.defineProperty(Function.prototype, 'constructor', { value: NoFunction });
  Object.defineProperty(Object.getPrototypeOf(async function () {}), 'constructor', { value: NoFunction });
  global.Function = NoFunction;
  global.eval = refuse;
})(globalThis);
var console = {
  log: function () { __logs.push(Array.prototype.map.call(arguments, function (a) { return typeof a === 'string' ? a : JSON.stringify(a); }).join(' ')); },
};
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
