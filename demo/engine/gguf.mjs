/** Writes GGUF v3 files and trains a small byte-pair vocabulary, without dependencies. */
import fs from "node:fs";
export const T = {
  U8: 0,
  I8: 1,
  U16: 2,
  I16: 3,
  U32: 4,
  I32: 5,
  F32: 6,
  BOOL: 7,
  STR: 8,
  ARR: 9,
  U64: 10,
  I64: 11,
  F64: 12,
};
export const GT = { F32: 0, F16: 1, Q8_0: 8 };
class Buf {
  constructor(n = 1 << 20) {
    this.b = Buffer.allocUnsafe(n);
    this.o = 0;
  }
  need(n) {
    if (this.o + n <= this.b.length) return;
    let L = this.b.length;
    while (this.o + n > L) L *= 2;
    const nb = Buffer.allocUnsafe(L);
    this.b.copy(nb, 0, 0, this.o);
    this.b = nb;
  }
  u32(v) {
    this.need(4);
    this.b.writeUInt32LE(v >>> 0, this.o);
    this.o += 4;
  }
  i32(v) {
    this.need(4);
    this.b.writeInt32LE(v, this.o);
    this.o += 4;
  }
  u64(v) {
    this.need(8);
    this.b.writeBigUInt64LE(BigInt(v), this.o);
    this.o += 8;
  }
  f32(v) {
    this.need(4);
    this.b.writeFloatLE(v, this.o);
    this.o += 4;
  }
  u8(v) {
    this.need(1);
    this.b[this.o++] = v;
  }
  str(s) {
    const x = Buffer.from(s, "utf8");
    this.u64(x.length);
    this.need(x.length);
    x.copy(this.b, this.o);
    this.o += x.length;
  }
  done() {
    return this.b.subarray(0, this.o);
  }
}
function val(w, t, v) {
  switch (t) {
    case T.U32:
      w.u32(v);
      break;
    case T.I32:
      w.i32(v);
      break;
    case T.F32:
      w.f32(v);
      break;
    case T.BOOL:
      w.u8(v ? 1 : 0);
      break;
    case T.STR:
      w.str(v);
      break;
    case T.U64:
      w.u64(v);
      break;
    default:
      throw new Error(`t${t}`);
  }
}
const f32 = new Float32Array(1),
  u32 = new Uint32Array(f32.buffer);
export function f16(x) {
  f32[0] = x;
  const b = u32[0],
    s = (b >>> 16) & 0x8000;
  let e = ((b >>> 23) & 0xff) - 112,
    m = b & 0x7fffff;
  if (e <= 0) {
    if (e < -10) return s;
    m |= 0x800000;
    const sh = 14 - e;
    return s | ((m >>> sh) + ((m >>> (sh - 1)) & 1));
  }
  if (e >= 31) return s | 0x7c00;
  const r = (m >>> 13) + ((m >>> 12) & 1);
  return (s | (e << 10)) + r;
}
export function encode(type, a) {
  // a: Float32Array, row length multiple of 32 for Q8_0
  if (type === GT.F32) return Buffer.from(a.buffer, a.byteOffset, a.byteLength);
  if (type === GT.F16) {
    const o = Buffer.allocUnsafe(a.length * 2);
    for (let i = 0; i < a.length; i++) o.writeUInt16LE(f16(a[i]) & 0xffff, i * 2);
    return o;
  }
  if (type === GT.Q8_0) {
    const nb = a.length / 32,
      o = Buffer.allocUnsafe(nb * 34);
    for (let i = 0; i < nb; i++) {
      let m = 0;
      for (let j = 0; j < 32; j++) m = Math.max(m, Math.abs(a[i * 32 + j]));
      const d = m / 127,
        id = d ? 1 / d : 0;
      o.writeUInt16LE(f16(d) & 0xffff, i * 34);
      for (let j = 0; j < 32; j++)
        o.writeInt8(Math.max(-127, Math.min(127, Math.round(a[i * 32 + j] * id))), i * 34 + 2 + j);
    }
    return o;
  }
  throw new Error("type");
}
export function writeGGUF(path, kv, tensors) {
  // tensors: [{name, ne:[n0,n1..], type, data:Float32Array}]
  const w = new Buf();
  w.b.write("GGUF", 0);
  w.o = 4;
  w.u32(3);
  w.u64(tensors.length);
  w.u64(kv.length);
  for (const [k, t, v, at] of kv) {
    w.str(k);
    w.u32(t);
    if (t === T.ARR) {
      w.u32(at);
      w.u64(v.length);
      for (const x of v) val(w, at, x);
    } else val(w, t, v);
  }
  const enc = tensors.map((t) => encode(t.type, t.data));
  let off = 0;
  const A = 32,
    pad = (n) => (A - (n % A)) % A;
  tensors.forEach((t, i) => {
    w.str(t.name);
    w.u32(t.ne.length);
    for (const n of t.ne) w.u64(n);
    w.u32(t.type);
    w.u64(off);
    off += enc[i].length + pad(enc[i].length);
  });
  const fd = fs.openSync(path, "w");
  const h = w.done();
  fs.writeSync(fd, h);
  fs.writeSync(fd, Buffer.alloc(pad(h.length)));
  for (const e of enc) {
    let p = 0;
    while (p < e.length) p += fs.writeSync(fd, e, p, Math.min(1 << 28, e.length - p));
    fs.writeSync(fd, Buffer.alloc(pad(e.length)));
  }
  fs.closeSync(fd);
  return fs.statSync(path).size;
}
// GPT-2 style byte<->unicode table
export function byteMap() {
  const bs = [];
  for (let i = 33; i <= 126; i++) bs.push(i);
  for (let i = 161; i <= 172; i++) bs.push(i);
  for (let i = 174; i <= 255; i++) bs.push(i);
  const cs = [...bs];
  let n = 0;
  for (let b = 0; b < 256; b++)
    if (!bs.includes(b)) {
      bs.push(b);
      cs.push(256 + n++);
    }
  const m = new Array(256);
  for (const [i, b] of bs.entries()) m[b] = String.fromCodePoint(cs[i]);
  return m;
}
// Tiny BPE trainer over a text (GPT-2 pre-tokenisation), returns {tokens, merges}
export function trainBPE(text, nMerges) {
  const bm = byteMap();
  const re = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
  const freq = new Map();
  for (const m of text.match(re) || []) freq.set(m, (freq.get(m) || 0) + 1);
  const words = [...freq].map(([s, c]) => ({
    c,
    s: [...Buffer.from(s, "utf8")].map((b) => bm[b]),
  }));
  const merges = [];
  const tokens = [...bm];
  for (let k = 0; k < nMerges; k++) {
    const pc = new Map();
    for (const w of words)
      for (let i = 0; i + 1 < w.s.length; i++) {
        const p = `${w.s[i]} ${w.s[i + 1]}`;
        pc.set(p, (pc.get(p) || 0) + w.c);
      }
    let best = null,
      bc = 1;
    for (const [p, c] of pc)
      if (c > bc) {
        bc = c;
        best = p;
      }
    if (!best) break;
    merges.push(best);
    const [x, y] = best.split(" ");
    const z = x + y;
    tokens.push(z);
    for (const w of words) {
      if (w.s.length < 2) continue;
      let i = 0,
        o = [];
      while (i < w.s.length) {
        if (i + 1 < w.s.length && w.s[i] === x && w.s[i + 1] === y) {
          o.push(z);
          i += 2;
        } else o.push(w.s[i++]);
      }
      w.s = o;
    }
  }
  return { tokens: [...new Set(tokens)], merges };
}
export function rng(seed) {
  let s = seed >>> 0 || 1;
  const u = () => {
    s ^= s << 13;
    s >>>= 0;
    s ^= s >>> 17;
    s ^= s << 5;
    s >>>= 0;
    return (s + 0.5) / 4294967296;
  };
  let sp = null;
  return {
    u,
    n() {
      if (sp !== null) {
        const r = sp;
        sp = null;
        return r;
      }
      const a = Math.sqrt(-2 * Math.log(u())),
        b = 2 * Math.PI * u();
      sp = a * Math.sin(b);
      return a * Math.cos(b);
    },
  };
}
