// The modules `crypto` and `querystring` for functions that load them, after runtime_bytes.js.
// Source: CloudFront guide, JavaScript runtime 2.0 features: Query string, Crypto.
(function () {
  function rotated(value, by) { return (value << by) | (value >>> (32 - by)); }

  // The message with its end: a one bit, zeros, and its length in bits, as 16 words a block.
  function blocks(bytes, little) {
    var count = ((bytes.length + 8) >> 6) + 1, words = new Array(count * 16).fill(0);
    for (var i = 0; i <= bytes.length; i++) {
      var byte = i < bytes.length ? bytes[i] : 0x80;
      words[i >> 2] |= byte << (little ? (i % 4) * 8 : 24 - (i % 4) * 8);
    }
    words[words.length - (little ? 2 : 1)] = bytes.length * 8;
    return words;
  }
  function bytesOf(state, little) {
    var out = [];
    state.forEach(function (word) {
      for (var i = 0; i < 4; i++) out.push((word >>> (little ? i * 8 : 24 - i * 8)) & 255);
    });
    return out;
  }
  function summed(words, state, little, round) {
    for (var at = 0; at < words.length; at += 16) {
      var next = round(words.slice(at, at + 16), state.slice());
      state = state.map(function (word, i) { return (word + next[i]) | 0; });
    }
    return bytesOf(state, little);
  }

  // FIPS 180-4: the first bits of the fractions of the square and cube roots of primes.
  var K = [], H = [];
  function fill() {
    for (var candidate = 2; K.length < 64; candidate++) {
      for (var divisor = 2; divisor * divisor <= candidate && candidate % divisor; divisor++);
      if (divisor * divisor <= candidate) continue;
      if (H.length < 8) H.push(((Math.sqrt(candidate) % 1) * 4294967296) | 0);
      K.push(((Math.cbrt(candidate) % 1) * 4294967296) | 0);
    }
  }
  function sha256(bytes) {
    fill();
    return summed(blocks(bytes, false), H, false, function (w, s) {
      for (var i = 0; i < 64; i++) {
        if (i >= 16) {
          var x = w[i - 15], y = w[i - 2];
          w[i] = (w[i - 16] + w[i - 7] + (rotated(x, 25) ^ rotated(x, 14) ^ (x >>> 3)) + (rotated(y, 15) ^ rotated(y, 13) ^ (y >>> 10))) | 0;
        }
        var a = s[0], e = s[4];
        var one = (s[7] + (rotated(e, 26) ^ rotated(e, 21) ^ rotated(e, 7)) + ((e & s[5]) ^ (~e & s[6])) + K[i] + w[i]) | 0;
        var two = ((rotated(a, 30) ^ rotated(a, 19) ^ rotated(a, 10)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]))) | 0;
        s = [(one + two) | 0, a, s[1], s[2], (s[3] + one) | 0, e, s[5], s[6]];
      }
      return s;
    });
  }
  function sha1(bytes) {
    return summed(blocks(bytes, false), [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476, 0xc3d2e1f0 | 0], false, function (w, s) {
      for (var i = 0; i < 80; i++) {
        if (i >= 16) w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        var b = s[1], c = s[2], d = s[3];
        var f = i < 20 ? (b & c) | (~b & d) : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
        var k = [0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6][Math.floor(i / 20)];
        s = [(rotated(s[0], 5) + f + s[4] + k + w[i]) | 0, s[0], rotated(b, 30), c, d];
      }
      return s;
    });
  }
  var SHIFTS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
  function md5(bytes) {
    return summed(blocks(bytes, true), [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476], true, function (w, s) {
      for (var i = 0; i < 64; i++) {
        var part = i >> 4, b = s[1], c = s[2], d = s[3];
        var f = [(b & c) | (~b & d), (b & d) | (c & ~d), b ^ c ^ d, c ^ (b | ~d)][part];
        var word = w[[i, 5 * i + 1, 3 * i + 5, 7 * i][part] % 16];
        var sum = (s[0] + f + word + ((Math.abs(Math.sin(i + 1)) * 4294967296) | 0)) | 0;
        s = [d, (b + rotated(sum, SHIFTS[part][i % 4])) | 0, b, c];
      }
      return s;
    });
  }
  var ALGORITHMS = { md5: md5, sha1: sha1, sha256: sha256 };

  function algorithm(name) {
    if (!ALGORITHMS.hasOwnProperty(name)) throw new TypeError('not supported algorithm: "' + name + '"');
    return ALGORITHMS[name];
  }
  function data(value) {
    var bytes = __bytes.of(value);
    if (bytes === null) throw new TypeError('data is not a string or Buffer-like object');
    return Array.prototype.slice.call(bytes);
  }
  // `update` and `digest` of a hash or an HMAC, which ends with its digest.
  function digester(finish) {
    var all = [], over = false;
    return {
      update: function (value) {
        if (over) throw new Error('Digest already called');
        if (arguments.length > 1) throw new TypeError('update() takes data only');
        all = all.concat(data(value));
        return this;
      },
      digest: function (encoding) {
        if (over) throw new Error('Digest already called');
        if (encoding !== undefined && ['hex', 'base64', 'base64url'].indexOf(encoding) < 0) throw new TypeError('Unknown digest encoding: "' + encoding + '"');
        over = true;
        var out = finish(all);
        return encoding === undefined ? __bytes.buffer(out) : __bytes.encoded(out, encoding);
      },
    };
  }
  __modules.crypto = {
    createHash: function (name) { return digester(algorithm(name)); },
    createHmac: function (name, secret) {
      var hash = algorithm(name), key = data(secret);
      if (key.length > 64) key = hash(key);
      while (key.length < 64) key.push(0);
      function mixed(mask) { return key.map(function (byte) { return byte ^ mask; }); }
      return digester(function (all) { return hash(mixed(0x5c).concat(hash(mixed(0x36).concat(all)))); });
    },
  };

  // -- querystring ---------------------------------------------------------------------------------------------

  function unescape(string) {
    try { return decodeURIComponent(string); } catch (_) {
      var bytes = [];
      for (var i = 0; i < string.length; i++) {
        var escaped = /^%([0-9a-fA-F]{2})/.exec(string.slice(i, i + 3));
        bytes = bytes.concat(escaped ? [parseInt(escaped[1], 16)] : data(string[i]));
        if (escaped) i += 2;
      }
      return __bytes.encoded(bytes, 'utf8');
    }
  }
  var querystring = {
    escape: function (string) { return encodeURIComponent(string); },
    unescape: unescape,
    parse: function (string, separator, equal, options) {
      var out = {}, decode = (options && options.decodeURIComponent) || querystring.unescape;
      var most = options && options.maxKeys !== undefined ? options.maxKeys : 1000;
      var pairs = string ? String(string).split(separator || '&') : [];
      (most ? pairs.slice(0, most) : pairs).forEach(function (pair) {
        if (pair === '') return;
        var mark = equal || '=', at = pair.indexOf(mark);
        var name = decode((at < 0 ? pair : pair.slice(0, at)).replace(/\+/g, ' ')), value = at < 0 ? '' : decode(pair.slice(at + mark.length).replace(/\+/g, ' '));
        if (!Object.prototype.hasOwnProperty.call(out, name)) out[name] = value;
        else if (Array.isArray(out[name])) out[name].push(value);
        else out[name] = [out[name], value];
      });
      return out;
    },
    stringify: function (object, separator, equal, options) {
      var encode = (options && options.encodeURIComponent) || querystring.escape, parts = [];
      function plain(value) { return ['string', 'number', 'boolean'].indexOf(typeof value) < 0 ? '' : String(value); }
      Object.keys(object || {}).forEach(function (name) {
        (Array.isArray(object[name]) ? object[name] : [object[name]]).forEach(function (value) { parts.push(encode(name) + (equal || '=') + encode(plain(value))); });
      });
      return parts.join(separator || '&');
    },
  };
  querystring.decode = querystring.parse;
  querystring.encode = querystring.stringify;
  __modules.querystring = querystring;
})();
