// A bot from outside in Node: `serve(options, answer)` connects, takes sessions, and calls answer(turn) for each thing that a
// customer says. Copy it, or read how protocol/PROTOCOL.md, Bots, looks in code.
//
//   import { serve } from './bot.mjs'
//   serve({ url: process.env.PARLEY_URL, key: process.env.PARLEY_KEY }, async turn => {
//     if (/person|human/i.test(turn.text)) return turn.handOff({ reason: 'asked for a person' })
//     await turn.say(`You said: ${turn.text}`)
//   })
import { createHash, randomUUID } from 'node:crypto'
import { connect } from './websocket.mjs'

const wait = ms => new Promise(done => setTimeout(done, ms))
const FINAL = code => code >= 4500 && code < 5000 // repeating would fail in the same way
const SPOKE = item => ['bot', 'agent', 'supervisor', 'admin'].includes(item.role) && item.kind !== 'process' && item.audience !== 'staff'
const FROM_CUSTOMER = item => item.role === 'customer' || item.role === 'guest'

// Whoever answers an item for the nth time makes the same id: so an answer is stored once, however often it is sent.
export function answerId(id, n) {
  const bytes = Buffer.concat([Buffer.from(id.replaceAll('-', ''), 'hex').subarray(0, 6),
                               createHash('sha256').update(`${id}/${n}`).digest().subarray(0, 10)])
  bytes[6] = (bytes[6] & 15) | 0x70
  bytes[8] = (bytes[8] & 63) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

export class Refused extends Error {
  constructor(error) { super(error.text); Object.assign(this, error) } // code, path, retry_after_ms, current
}

// One session that this process has: its thread, and what is to be answered, one after the other.
class Session {
  constructor(bot, conversation) {
    Object.assign(this, { bot, conversation, epoch: 0, have: -1, items: [], todo: [], running: false, dossier: {} })
    this.lost = new AbortController()
  }

  take(item) {
    if (item.seq <= this.have) return
    this.have = item.seq
    this.items.push(item)
    const { holder, closed } = item.body ?? {}
    if (item.kind === 'control' && holder === this.bot.device) this.epoch = item.body.epoch
    else if (['control', 'queued', 'joined'].includes(item.kind) || (item.kind === 'resolved' && closed)) this.end()
    else if (FROM_CUSTOMER(item) && item.kind !== 'process') this.todo.push(item)
    else if (SPOKE(item) && !this.running) this.todo = [] // answered, before us
  }

  end() {
    this.lost.abort()
    this.bot.sessions.delete(this.conversation)
  }

  async run() {
    if (this.running) return
    this.running = true
    while (this.todo.length && !this.lost.signal.aborted) await this.bot.turn(new Turn(this, this.todo.shift()))
    this.running = false
  }

  // A request in this session, under its epoch, repeated until there is an answer.
  ask(type, data) {
    return this.bot.ask(type, { conversation: this.conversation, epoch: this.epoch, ...data }, this.lost.signal)
  }
}

// Something a customer said, and what a bot can do about it.
class Turn {
  constructor(session, item) {
    Object.assign(this, { session, item, said: 0, text: item.body.text ?? item.body.value ?? '', signal: session.lost.signal })
  }
  get history() { return this.session.items }
  get dossier() { return this.session.dossier }
  say(text) { return this.post('text', { text }) }
  post(kind, body) { return this.session.ask('post', { id: answerId(this.item.id, this.said++), kind, body }) }
  typing() { return this.session.ask('typing', { epoch: undefined, on: true }).catch(() => {}) }
  // To people: {queue, reason, summary, collected, priority}. It comes back when they are done.
  async handOff(how = {}) { await this.session.ask('handoff.request', how); this.session.end() }
  async resolve(outcome) { await this.session.ask('resolve', { outcome }); this.session.end() }
}

class Bot {
  constructor({ url, key, capacity = 20, device = randomUUID(), log = console.error }, answer) {
    Object.assign(this, { url, key, capacity, device, log, answer, sessions: new Map(), asked: new Map(), next: 1, socket: null })
    this.online = new Promise(done => { this.isOnline = done })
  }

  // For ever, but for a key that is not accepted: after a break it comes back, at random within a doubling time.
  async run() {
    for (let ms = 500; ; ms = Math.min(ms * 2, 30000)) {
      try {
        const { code, welcomed } = await this.connection()
        if (welcomed) ms = 500
        if (FINAL(code)) throw Object.assign(new Error(`closed with ${code}: it is of no use to come back`), { final: true })
      } catch (error) {
        if (error.final) throw error
        this.log(`bot: ${error.message}`)
      }
      await wait(Math.random() * ms)
    }
  }

  async connection() {
    let ended, welcomed = false
    const end = new Promise(done => { ended = done })
    this.socket = await connect(this.url, 'parley.v1.json', {
      message: text => [JSON.parse(text)].flat().forEach(frame => this.heard(frame)), closed: code => ended(code) })
    const hello = this.hello().then(() => { welcomed = true },
                                    error => { if (error.code !== 'gone') this.log(`bot: ${error.message}`); this.socket.close() })
    const code = await end
    this.socket = null
    if (welcomed) this.online = new Promise(done => { this.isOnline = done })
    for (const [, { fail }] of this.asked) fail(new Refused({ code: 'gone', text: 'the connection ended' }))
    this.asked.clear()
    await hello
    return { code, welcomed }
  }

  // What it had before is still its own, if it is back in time: the desk says which.
  async hello() {
    const have = [...this.sessions.values()].slice(0, 64).map(s => ({ conversation: s.conversation, seq: s.have }))
    const welcome = await this.send('hello', { token: this.key, device: this.device, have })
    const mine = new Map(welcome.desk.sessions.map(entry => [entry.conversation, entry]))
    for (const session of [...this.sessions.values()]) if (!mine.has(session.conversation)) session.end()
    for (const thread of welcome.threads) if (mine.has(thread.conversation)) this.follow(thread)
    const followed = new Set(welcome.threads.map(t => t.conversation))
    for (const conversation of mine.keys())
      if (!followed.has(conversation))
        this.follow((await this.send('subscribe', { conversation, have: this.sessions.get(conversation)?.have })).thread)
    await this.send('status.set', { status: 'online', capacity: this.capacity })
    this.isOnline()
  }

  follow(thread, dossier) {
    let session = this.sessions.get(thread.conversation)
    if (!session) this.sessions.set(thread.conversation, session = new Session(this, thread.conversation))
    if (dossier) session.dossier = dossier
    // an earlier session's end says nothing of this one
    const since = thread.service?.epoch ?? 0
    for (const item of thread.items ?? []) { // absent when nothing was missed
      if (item.kind && (item.seq >= since || item.role !== 'system')) session.take(item)
      else if (item.seq > session.have) session.have = item.seq, session.items.push(item)
    }
    session.epoch = since
    session.run()
  }

  heard(frame) {
    if (frame.re) {
      const { done, fail } = this.asked.get(frame.re) ?? {}
      this.asked.delete(frame.re)
      return frame.error ? fail?.(new Refused(frame.error)) : done?.(frame.data ?? {})
    }
    if (frame.type === 'offer') this.accept(frame.data.offer)
    if (frame.type === 'item') this.news(frame.data.conversation, frame.data.item)
    if (frame.type === 'head') for (const { conversation, seq } of frame.data.heads) this.behind(conversation, seq)
  }

  async accept({ conversation, offer }) {
    try {
      const { thread, dossier } = await this.send('offer.accept', { conversation, offer })
      this.follow(thread, dossier)
    } catch (error) { // another process was faster, or the customer has gone on
      if (!['taken', 'stale', 'gone'].includes(error.code)) this.log(`bot: ${error.message}`)
    }
  }

  // An item whose `prev` is not the last one that we have says that something is missing.
  news(conversation, item) {
    const session = this.sessions.get(conversation)
    if (!session) return
    if (item.prev > session.have) return this.behind(conversation, item.seq)
    session.take(item)
    session.run()
  }

  async behind(conversation, head) {
    const session = this.sessions.get(conversation)
    if (!session || head <= session.have) return
    const { thread } = await this.send('range', { conversation, after: session.have, limit: 250 }).catch(() => ({}))
    for (const item of thread?.items ?? []) session.take(item)
    session.run()
  }

  // A bot that fails is no reason to leave a customer alone.
  async turn(turn) {
    try {
      await this.answer(turn)
    } catch (error) {
      if (turn.signal.aborted || error.code === 'stale') return // somebody else serves now
      this.log(`bot: ${error.stack}`)
      await turn.handOff({ reason: 'the bot failed' }).catch(() => {})
    }
  }

  send(type, data) {
    return new Promise((done, fail) => {
      if (!this.socket) return fail(new Refused({ code: 'gone', text: 'not connected' }))
      this.asked.set(this.next, { done, fail })
      this.socket.send(JSON.stringify({ id: this.next++, type, data }))
    })
  }

  async ask(type, data, signal) {
    for (;;) {
      await this.online
      if (signal.aborted) throw new Refused({ code: 'stale', text: 'this session is not ours any more' })
      try {
        return await this.send(type, data)
      } catch (error) {
        if (error.code !== 'gone' && !error.retry_after_ms) throw error
        await wait(error.retry_after_ms ?? 0)
      }
    }
  }
}

export function serve(options, answer) {
  return new Bot(options, answer).run()
}
