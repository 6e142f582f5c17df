/**
 * Writes the demo's model: a two-layer llama-architecture transformer whose weights are formulae, no
 * training. Layer 0 lets each position see the tokens before it; layer 1 finds where the same n-gram
 * stood earlier in the context and copies what followed it there (an induction head).
 */
import { readFileSync } from "node:fs";
import { GT, rng, T, trainBPE, writeGGUF } from "./gguf.mjs";

const CONTEXT = 8192;
const MERGES = 230;
/** Length of the n-gram that is matched. */
const GRAM = 4;
/** Width of a token's code and number of position pairs. */
const CODE = 32;
const PAIRS = 16;
const FEED_FORWARD = 32;

/** Codes of +1 and -1 whose correlation is bounded, one per token. */
function tokenCodes(count, random) {
  const codes = [];
  let limit = 14;
  while (codes.length < count) {
    let found = false;
    for (let tries = 0; tries < 4000 && !found; tries += 1) {
      const code = Float32Array.from({ length: CODE }, () => (random.u() < 0.5 ? -1 : 1));
      found = codes.every((other) => other.reduce((sum, x, i) => sum + x * code[i], 0) <= limit);
      if (found) codes.push(code);
    }
    if (!found) limit += 2;
  }
  return codes;
}

function matrix(inputs, outputs) {
  const data = new Float32Array(inputs * outputs);
  return {
    data,
    set: (output, input, value) =>
      data.fill(value, output * inputs + input, output * inputs + input + 1),
  };
}

/** Writes the model file; takes about a second. */
export function writeModel(file) {
  const corpus = readFileSync(new URL("./corpus.txt", import.meta.url), "utf8");
  const { tokens, merges } = trainBPE(corpus, MERGES);
  const types = tokens.map(() => 1);
  for (const special of ["<|endoftext|>", "<|im_end|>"]) {
    tokens.push(special);
    types.push(3);
  }
  while (tokens.length % 32 !== 0) {
    tokens.push(`<|pad_${tokens.length}|>`);
    types.push(5);
  }
  const vocabulary = tokens.length;
  const heads = GRAM;
  const key = 2 * PAIRS + GRAM * CODE;
  const width = Math.ceil(((GRAM + 2) * CODE + 1) / 32) * 32;
  const base = 1e6 ** (key / 2 / PAIRS);
  const codes = tokenCodes(vocabulary, rng(11));

  // The residual stream: own code, a constant 1, the codes of the GRAM tokens before, the copied code.
  const own = 0;
  const one = CODE;
  const before = Array.from({ length: GRAM }, (_, head) => CODE + 1 + head * CODE);
  const copied = CODE + 1 + GRAM * CODE;
  const angle = (i) => base ** ((-2 * i) / key);
  const norm = (active) => Math.sqrt(active / width);
  const filled = (value) => new Float32Array(width).fill(value);

  const tensors = [];
  const add = (name, ne, data) =>
    tensors.push({ name, ne, type: ne.length > 1 ? GT.F16 : GT.F32, data });

  const embedding = new Float32Array(vocabulary * width);
  for (let token = 0; token < vocabulary; token += 1) {
    embedding.set(codes[token], token * width + own);
    embedding[token * width + one] = 1;
  }
  add("token_embd.weight", [width, vocabulary], embedding);

  for (let layer = 0; layer < 2; layer += 1) {
    const q = matrix(width, heads * key);
    const k = matrix(width, heads * key);
    const v = matrix(width, heads * key);
    const out = matrix(heads * key, width);
    if (layer === 0) {
      // Head h looks exactly h + 1 positions back, by rotating its query against the position code.
      const sharp = Math.sqrt(25 * Math.sqrt(key));
      for (let head = 0; head < heads; head += 1) {
        for (let i = 0; i < PAIRS; i += 1) {
          const turn = (head + 1) * angle(i);
          q.set(head * key + 2 * i, one, sharp * Math.cos(turn));
          q.set(head * key + 2 * i + 1, one, -sharp * Math.sin(turn));
          k.set(head * key + 2 * i, one, sharp);
        }
        for (let i = 0; i < CODE; i += 1) {
          v.set(head * key + i, own + i, 1);
          out.set(before[head] + i, head * key + i, 1);
        }
      }
    } else {
      const sharp = Math.sqrt((18 * Math.sqrt(key)) / CODE);
      const sources = [own, ...before.slice(0, GRAM - 1)];
      for (let gram = 0; gram < GRAM; gram += 1) {
        for (let i = 0; i < CODE; i += 1) {
          q.set(2 * PAIRS + gram * CODE + i, sources[gram] + i, sharp);
          k.set(2 * PAIRS + gram * CODE + i, before[gram] + i, sharp);
        }
      }
      for (let i = 0; i < CODE; i += 1) {
        v.set(i, own + i, 1);
        out.set(copied + i, i, 1);
      }
    }
    const name = (part) => `blk.${layer}.${part}.weight`;
    add(name("attn_norm"), [width], filled(norm(layer === 0 ? CODE + 1 : (GRAM + 1) * CODE + 1)));
    add(name("attn_q"), [width, heads * key], q.data);
    add(name("attn_k"), [width, heads * key], k.data);
    add(name("attn_v"), [width, heads * key], v.data);
    add(name("attn_output"), [heads * key, width], out.data);
    add(name("ffn_norm"), [width], filled(1));
    for (const part of ["ffn_gate", "ffn_up"]) {
      add(name(part), [width, FEED_FORWARD], new Float32Array(width * FEED_FORWARD));
    }
    add(name("ffn_down"), [FEED_FORWARD, width], new Float32Array(width * FEED_FORWARD));
  }
  add("output_norm.weight", [width], filled(norm((GRAM + 2) * CODE + 1)));
  const output = new Float32Array(vocabulary * width);
  for (let token = 0; token < vocabulary; token += 1) {
    if (types[token] === 5) continue;
    for (let i = 0; i < CODE; i += 1) output[token * width + copied + i] = codes[token][i] * 1.2;
  }
  add("output.weight", [width, vocabulary], output);

  const template =
    "{% for m in messages %}{{ m['content'] }}{% if not loop.last %}{{ '\\n' }}{% endif %}{% endfor %}";
  const id = (token) => tokens.indexOf(token);
  const metadata = [
    ["general.architecture", T.STR, "llama"],
    ["general.name", T.STR, "copycat"],
    ["llama.context_length", T.U32, CONTEXT],
    ["llama.embedding_length", T.U32, width],
    ["llama.block_count", T.U32, 2],
    ["llama.feed_forward_length", T.U32, FEED_FORWARD],
    ["llama.attention.head_count", T.U32, heads],
    ["llama.attention.head_count_kv", T.U32, heads],
    ["llama.attention.key_length", T.U32, key],
    ["llama.attention.value_length", T.U32, key],
    ["llama.attention.layer_norm_rms_epsilon", T.F32, 1e-6],
    ["llama.rope.dimension_count", T.U32, key],
    ["llama.rope.freq_base", T.F32, base],
    ["llama.vocab_size", T.U32, vocabulary],
    ["tokenizer.ggml.model", T.STR, "gpt2"],
    ["tokenizer.ggml.pre", T.STR, "gpt-2"],
    ["tokenizer.ggml.tokens", T.ARR, tokens, T.STR],
    ["tokenizer.ggml.token_type", T.ARR, types, T.I32],
    ["tokenizer.ggml.merges", T.ARR, merges, T.STR],
    ["tokenizer.ggml.bos_token_id", T.U32, id("<|endoftext|>")],
    ["tokenizer.ggml.eos_token_id", T.U32, id("<|im_end|>")],
    ["tokenizer.ggml.add_bos_token", T.BOOL, false],
    ["tokenizer.chat_template", T.STR, template],
  ];
  writeGGUF(file, metadata, tensors);
}
