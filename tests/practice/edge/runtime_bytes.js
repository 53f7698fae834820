// Buffer, atob, btoa, TextEncoder and TextDecoder for functions that name them. Encodings and methods are those of
// the guide and no more. Source: CloudFront guide, JavaScript runtime 2.0 features: Globals, Buffer.
(function (global) {
  var DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  var ENCODINGS = { utf8: true, hex: true, base64: true, base64url: true };

  function known(encoding) {
    if (encoding === undefined) return 'utf8';
    if (!ENCODINGS.hasOwnProperty(encoding)) throw new TypeError('"' + encoding + '" encoding is not supported');
    return encoding;
  }

  function utf8(text) {
    var out = [];
    for (var i = 0; i < text.length; i++) {
      var code = text.codePointAt(i);
      if (code > 0xffff) i++;
      if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
      if (code < 0x80) out.push(code);
      else if (code < 0x800) out.push(0xc0 | (code >> 6), 0x80 | (code & 63));
      else if (code < 0x10000) out.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
      else out.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
    return out;
  }

  // What is not UTF-8 becomes U+FFFD, one for each longest beginning of a character, or an error when `fatal`.
  function text(bytes, fatal) {
    var out = '', at = 0;
    while (at < bytes.length) {
      var first = bytes[at++];
      if (first < 0x80) { out += String.fromCharCode(first); continue; }
      var more = first >= 0xc2 && first <= 0xdf ? 1 : first >= 0xe0 && first <= 0xef ? 2 : first >= 0xf0 && first <= 0xf4 ? 3 : 0;
      var code = first & (0x3f >> more), left = more;
      var low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
      var high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
      while (left > 0 && at < bytes.length && bytes[at] >= low && bytes[at] <= high) {
        code = (code << 6) | (bytes[at++] & 63);
        low = 0x80; high = 0xbf; left--;
      }
      if (more > 0 && left === 0) { out += String.fromCodePoint(code); continue; }
      if (fatal) throw new TypeError('The encoded data was not valid');
      out += '\ufffd';
    }
    return out;
  }

  function unhex(string) {
    var out = [];
    for (var i = 0; i + 1 < string.length; i += 2) {
      var pair = string.slice(i, i + 2);
      if (!/^[0-9a-fA-F]{2}$/.test(pair)) break;
      out.push(parseInt(pair, 16));
    }
    return out;
  }

  // Both alphabets; other characters are passed over, and "=" ends it.
  function unbase64(string) {
    var out = [], bits = 0, held = 0;
    for (var i = 0; i < string.length && string[i] !== '='; i++) {
      var digit = DIGITS.indexOf(string[i] === '-' ? '+' : string[i] === '_' ? '/' : string[i]);
      if (digit < 0) continue;
      bits = ((bits << 6) | digit) & 0xffff;
      held += 6;
      if (held >= 8) { held -= 8; out.push((bits >> held) & 255); }
    }
    return out;
  }

  function base64(bytes) {
    var out = '';
    for (var i = 0; i < bytes.length; i += 3) {
      var bits = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0), there = bytes.length - i;
      out += DIGITS[bits >> 18] + DIGITS[(bits >> 12) & 63] + (there > 1 ? DIGITS[(bits >> 6) & 63] : '=') + (there > 2 ? DIGITS[bits & 63] : '=');
    }
    return out;
  }

  function decoded(string, encoding) {
    encoding = known(encoding);
    return encoding === 'utf8' ? utf8(string) : encoding === 'hex' ? unhex(string) : unbase64(string);
  }

  function encoded(bytes, encoding) {
    encoding = known(encoding);
    if (encoding === 'utf8') return text(bytes);
    if (encoding === 'hex') return Array.prototype.map.call(bytes, function (byte) { return (byte < 16 ? '0' : '') + byte.toString(16); }).join('');
    var out = base64(bytes);
    return encoding === 'base64' ? out : out.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  }

  function viewed(value) {
    if (value instanceof ArrayBuffer) return new Uint8Array(value);
    if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return null;
  }

  // -- Buffer --------------------------------------------------------------------------------------------------

  function Buffer() { throw new TypeError('Buffer is no constructor here: use Buffer.from() or Buffer.alloc()'); }
  function made(bytes) { return Object.setPrototypeOf(bytes, Buffer.prototype); }
  Buffer.prototype = Object.create(Uint8Array.prototype);
  Object.defineProperty(Buffer.prototype, 'constructor', { value: Buffer });
  Object.defineProperty(Buffer, Symbol.species, { value: Uint8Array });

  Buffer.from = function (value, second, third) {
    if (typeof value === 'string') return made(new Uint8Array(decoded(value, second)));
    if (value instanceof ArrayBuffer) return made(third === undefined ? new Uint8Array(value, second) : new Uint8Array(value, second, third));
    if (value === null || typeof value !== 'object') throw new TypeError('first argument is not a string or Buffer-like object');
    if (ArrayBuffer.isView(value) || Array.isArray(value)) return made(new Uint8Array(value));
    var plain = value.valueOf();
    if (plain !== value) return Buffer.from(plain, second, third);
    if (value.type === 'Buffer' && Array.isArray(value.data)) return made(new Uint8Array(value.data));
    throw new TypeError('first argument is not a string or Buffer-like object');
  };
  Buffer.alloc = function (size, fill, encoding) {
    var out = made(new Uint8Array(size));
    return fill === undefined ? out : out.fill(fill, 0, size, encoding);
  };
  Buffer.allocUnsafe = function (size) { return Buffer.alloc(size); };
  Buffer.byteLength = function (value, encoding) {
    var bytes = typeof value === 'string' ? decoded(value, encoding) : viewed(value);
    if (bytes === null) throw new TypeError('first argument is not a string or Buffer-like object');
    return bytes.length;
  };
  Buffer.compare = function (one, other) {
    for (var i = 0; i < one.length && i < other.length; i++) if (one[i] !== other[i]) return one[i] < other[i] ? -1 : 1;
    return one.length === other.length ? 0 : one.length < other.length ? -1 : 1;
  };
  Buffer.concat = function (list, total) {
    if (total === undefined) total = list.reduce(function (sum, each) { return sum + each.length; }, 0);
    var out = made(new Uint8Array(total)), at = 0;
    list.forEach(function (each) {
      var part = new Uint8Array(each).subarray(0, total - at);
      out.set(part, at);
      at += part.length;
    });
    return out;
  };
  Buffer.isBuffer = function (value) { return value instanceof Buffer; };
  Buffer.isEncoding = function (encoding) { return typeof encoding === 'string' && ENCODINGS.hasOwnProperty(encoding); };

  var methods = {
    toString: function (encoding, start, end) { return encoded(Uint8Array.prototype.subarray.call(viewed(this), start || 0, end === undefined ? this.length : end), encoding); },
    toJSON: function () { return { type: 'Buffer', data: Array.prototype.slice.call(this) }; },
    equals: function (other) { return Buffer.compare(this, other) === 0; },
    compare: function (target, targetStart, targetEnd, start, end) {
      return Buffer.compare(viewed(this).subarray(start || 0, end), viewed(target).subarray(targetStart || 0, targetEnd));
    },
    copy: function (target, targetStart, start, end) {
      var part = viewed(this).subarray(start || 0, end).subarray(0, target.length - (targetStart || 0));
      target.set(part, targetStart || 0);
      return part.length;
    },
    subarray: function (start, end) { return made(viewed(this).subarray(start, end)); },
    slice: function (start, end) { return made(viewed(this).subarray(start, end)); },
    fill: function (value, offset, end, encoding) {
      if (typeof offset === 'string') { encoding = offset; offset = 0; }
      var pattern = typeof value === 'string' ? decoded(value, encoding) : typeof value === 'number' ? [value & 255] : value;
      if (pattern.length === 0) pattern = [0];
      end = end === undefined ? this.length : end;
      for (var i = offset || 0, n = 0; i < end; i++, n++) this[i] = pattern[n % pattern.length];
      return this;
    },
    indexOf: function (value, offset, encoding) { return find(this, value, offset, encoding, 1); },
    lastIndexOf: function (value, offset, encoding) { return find(this, value, offset, encoding, -1); },
    includes: function (value, offset, encoding) { return find(this, value, offset, encoding, 1) >= 0; },
    write: function (string, offset, length, encoding) {
      if (typeof offset === 'string') { encoding = offset; offset = undefined; } else if (typeof length === 'string') { encoding = length; length = undefined; }
      var room = this.length - (offset || 0), part = decoded(string, encoding).slice(0, Math.min(room, length === undefined ? room : length));
      this.set(part, offset || 0);
      return part.length;
    },
  };
  function find(buffer, value, offset, encoding, step) {
    if (typeof offset === 'string') { encoding = offset; offset = undefined; }
    var wanted = typeof value === 'string' ? decoded(value, encoding) : typeof value === 'number' ? [value & 255] : value;
    var last = buffer.length - wanted.length, at = offset === undefined ? (step > 0 ? 0 : last) : offset;
    if (at < 0) at = step > 0 ? Math.max(0, buffer.length + at) : buffer.length + at;
    for (at = step > 0 ? at : Math.min(at, last); at >= 0 && at <= last; at += step) {
      for (var n = 0; n < wanted.length && buffer[at + n] === wanted[n]; n++);
      if (n === wanted.length) return at;
    }
    return -1;
  }

  function within(buffer, offset, size) {
    if (offset !== Math.floor(offset) || offset < 0 || offset + size > buffer.length) throw new RangeError('index ' + offset + ' is outside the bound of the buffer');
  }
  function whole(buffer, offset, size, little, signed) {
    if (!(size >= 1 && size <= 6)) throw new RangeError('byteLength must be 1 to 6');
    within(buffer, offset, size);
    var out = 0;
    for (var i = 0; i < size; i++) out = out * 256 + buffer[offset + (little ? size - 1 - i : i)];
    return signed && out >= Math.pow(2, size * 8 - 1) ? out - Math.pow(2, size * 8) : out;
  }
  function put(buffer, value, offset, size, little) {
    if (!(size >= 1 && size <= 6)) throw new RangeError('byteLength must be 1 to 6');
    within(buffer, offset, size);
    if (value < 0) value += Math.pow(2, size * 8);
    for (var i = 0; i < size; i++) {
      buffer[offset + (little ? i : size - 1 - i)] = value % 256;
      value = Math.floor(value / 256);
    }
    return offset + size;
  }
  ['Int', 'UInt'].forEach(function (kind) {
    ['', '8', '16BE', '16LE', '32BE', '32LE', 'BE', 'LE'].forEach(function (form) {
      if (form === '') return;
      var size = parseInt(form, 10) / 8, little = form.endsWith('LE');
      methods['read' + kind + form] = function (offset, length) { return whole(this, offset || 0, size || length, little, kind === 'Int'); };
      methods['write' + kind + form] = function (value, offset, length) { return put(this, value, offset || 0, size || length, little); };
    });
  });
  [['Float', 4, 'Float32'], ['Double', 8, 'Float64']].forEach(function (one) {
    ['BE', 'LE'].forEach(function (order) {
      methods['read' + one[0] + order] = function (offset) {
        within(this, offset || 0, one[1]);
        return new DataView(this.buffer, this.byteOffset)['get' + one[2]](offset || 0, order === 'LE');
      };
      methods['write' + one[0] + order] = function (value, offset) {
        within(this, offset || 0, one[1]);
        new DataView(this.buffer, this.byteOffset)['set' + one[2]](offset || 0, value, order === 'LE');
        return (offset || 0) + one[1];
      };
    });
  });
  [2, 4, 8].forEach(function (size) {
    methods['swap' + size * 8] = function () {
      if (this.length % size) throw new RangeError('the length is no multiple of ' + size);
      for (var at = 0; at < this.length; at += size) viewed(this).subarray(at, at + size).reverse();
      return this;
    };
  });
  Object.keys(methods).forEach(function (name) { Object.defineProperty(Buffer.prototype, name, { value: methods[name], writable: true, configurable: true }); });

  // -- globals -------------------------------------------------------------------------------------------------

  global.Buffer = Buffer;
  global.btoa = function (string) {
    string = String(string);
    for (var i = 0; i < string.length; i++) if (string.charCodeAt(i) > 255) throw new TypeError('invalid character (>= U+00FF)');
    return base64(Array.prototype.map.call(string, function (char) { return char.charCodeAt(0); }));
  };
  global.atob = function (string) {
    string = String(string).replace(/[\t\n\f\r ]/g, '');
    if (string.length % 4 === 0) string = string.replace(/==?$/, '');
    if (string.length % 4 === 1 || /[^A-Za-z0-9+\/]/.test(string)) throw new TypeError('the string to be decoded is not correctly encoded');
    return unbase64(string).map(function (byte) { return String.fromCharCode(byte); }).join('');
  };
  global.TextEncoder = function TextEncoder() {};
  global.TextEncoder.prototype.encode = function (string) { return new Uint8Array(string === undefined ? [] : utf8(String(string))); };
  global.TextEncoder.prototype.encodeInto = function (string, target) {
    var read = 0, written = 0;
    while (read < string.length) {
      var char = String.fromCodePoint(string.codePointAt(read)), bytes = utf8(char);
      if (written + bytes.length > target.length) break;
      target.set(bytes, written);
      read += char.length;
      written += bytes.length;
    }
    return { read: read, written: written };
  };
  global.TextDecoder = function TextDecoder(label, options) {
    if (label !== undefined && !/^utf-?8$/i.test(label)) throw new RangeError('The "' + label + '" encoding is not supported');
    this.encoding = 'utf-8';
    this.fatal = Boolean(options && options.fatal);
    this.ignoreBOM = Boolean(options && options.ignoreBOM);
  };
  global.TextDecoder.prototype.decode = function (value) {
    var out = value === undefined ? '' : text(viewed(value), this.fatal);
    return out[0] === '\ufeff' && !this.ignoreBOM ? out.slice(1) : out;
  };
  __bytes = { of: function (value) { return typeof value === 'string' ? utf8(value) : viewed(value); }, buffer: function (list) { return made(new Uint8Array(list)); }, encoded: encoded };
})(globalThis);
