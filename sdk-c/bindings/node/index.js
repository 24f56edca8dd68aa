/* Parley's client for Node. See README.md for ten lines to a chat and index.d.ts for every call. */
'use strict'

const { EventEmitter } = require('node:events')
const native = require('./parley.node')

const AT_ONCE = 256 // events handed out before the rest of the program has its turn
const FLAGS = { wireJson: 2, allowPlain: 4, noReceipts: 8 }
const STATES = ['idle', 'connecting', 'syncing', 'online', 'backoff', 'suspended', 'needs_token', 'blocked', 'closed']

class ParleyError extends Error {
  constructor(status, error = {}) {
    const [code, text] = typeof status === 'number' ? native.status(status) : [status, error.text ?? status]
    super(`${code}: ${error.text ?? text}`)
    this.name = 'ParleyError'
    this.code = code
    this.error = error
  }
}

function refused(status) {
  const text = native.wrong()
  const error = new ParleyError(status, text ? { text } : {})
  error.error = {} // that is the server's word
  return error
}

function config(options) {
  const given = typeof options === 'string' ? { url: options } : options
  let flags = 0
  for (const name in FLAGS) if (given[name]) flags |= FLAGS[name]
  return {
    url: given.url, token: given.token, device: given.device, locale: given.locale, time_zone: given.timeZone,
    app_name: given.appName, app_version: given.appVersion, ca_file: given.caFile, folder: given.folder,
    user: given.user, page: given.page, background_ms: given.backgroundMs, flags,
  }
}

class Client extends EventEmitter {
  #handle
  #calls = new Map() // number: {resolve, reject}
  #readers = new Set() // iterators
  #draining = false
  #buffered
  #closed

  constructor(options) {
    super()
    this.#buffered = options.buffered ?? 1024
    const made = native.open(config(options), () => this.#drain())
    if (typeof made === 'number') throw new ParleyError(made)
    this.#handle = made
  }

  // --- life ---

  connect() { this.#do('connect') }
  disconnect() { this.#do('close') }
  setToken(token) { this.#do('token', { token }) }
  signOut() { this.#do('sign_out') }
  pushRegister(platform, token) { this.#do('push', { platform, token: token ?? undefined }) }
  sync(limitMs) { return this.call('sync', { limit_ms: limitMs }) }
  setForeground(on) { this.#do('foreground', { on }) }
  networkChanged(reachable) { this.#do('network', { reachable }) }
  ref() { native.hold(this.#open(), true); return this }
  unref() { native.hold(this.#open(), false); return this }
  get state() { return STATES[native.state(this.#open())] ?? 'unknown' }
  get unread() { return native.unread(this.#open()) }

  close() {
    if (!this.#handle) return this.#closed
    this.#closed = native.close(this.#handle)
    this.#handle = undefined
    for (const call of this.#calls.values()) call.reject(new ParleyError('closed', { text: 'the client was closed' }))
    this.#calls.clear()
    for (const reader of this.#readers) reader.end()
    return this.#closed
  }

  async [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() { await this.close() }

  // --- events ---

  /** Events as they come, until the client is closed or the loop is left. Each iterator gets them all. */
  [Symbol.asyncIterator]() {
    const reader = new Reader(() => this.#drain(), () => this.#readers.delete(reader))
    if (this.#handle) this.#readers.add(reader)
    else reader.end()
    return reader
  }

  #drain() {
    if (this.#draining) return
    this.#draining = true
    try {
      for (let n = 0; this.#handle && !this.#isFull(); n++) {
        if (n === AT_ONCE) return void setImmediate(() => this.#drain())
        const json = native.next(this.#handle)
        if (json === undefined) return
        this.#hand(JSON.parse(json))
      }
    } finally {
      this.#draining = false
    }
  }

  /** The answer to a call may be behind what waits, and whoever awaits it takes no events meanwhile. */
  #isFull() {
    return this.#calls.size === 0 && [...this.#readers].some(reader => reader.length >= this.#buffered)
  }

  #hand(event) {
    const call = event.event === 'reply' ? this.#calls.get(event.call) : undefined
    if (call) {
      this.#calls.delete(event.call)
      if (event.status === 'ok') call.resolve(event.data ?? {})
      else call.reject(new ParleyError(event.status, event.error))
    }
    for (const reader of this.#readers) reader.give(event)
    try {
      // what the server could not read; without a listener it is no reason to end the process, as 'error' would be
      if (event.event !== 'error' || this.listenerCount('error') > 0) this.emit(event.event, event)
      this.emit('event', event)
    } catch (thrown) { // a listener's mistake is the program's to see, and must not stop the events behind this one
      setImmediate(() => this.#drain())
      throw thrown
    }
  }

  // --- saying something: kept when the call returns, also offline; gives the id for life ---

  send(text, { conversation } = {}) { return this.#say('send', { text, conversation }) }
  post(kind, body, { conversation } = {}) { return this.#say('post', { kind, body, conversation }) }
  tap(seq, value, { label, conversation } = {}) { return this.#say('tap', { seq, value, label, conversation }) }
  submitForm(seq, values, { conversation } = {}) { return this.#say('submit', { seq, values, conversation }) }
  note(text, { to, conversation } = {}) { return this.#say('note', { text, to, conversation }) }
  processBegin(type, { data, title, step, conversation } = {}) { return this.#say('process.begin', { type, data, title, step, conversation }) }
  processEdit(process, { data, step, state, conversation } = {}) { return this.#say('process.edit', { process, data, step, state, conversation }) }
  retry(id) { this.#do('retry', { id }) }
  discard(id) { this.#do('discard', { id }) }
  outbox() { return this.call('outbox').then(found => found.outbox ?? []) }
  draft(value, { number = 0, conversation } = {}) { this.#do('draft', { value: value ?? undefined, number, conversation }) }
  markRead(seq, { conversation } = {}) { this.#do('read', { seq, conversation }) }
  typing(on = true, { conversation } = {}) { native.typing(this.#open(), conversation, on) }
  context(key, value, { conversation } = {}) { this.#do('context', { key, value: value ?? undefined, conversation }) }
  processMerge(id, { data, step, state } = {}) { this.#do('process.merge', { id, data, step, state }) }
  contextMask(name, { keys, shape } = {}) { this.#do('mask', { class: name, keys, shape }) }
  recap({ conversation } = {}) { return this.call('recap', { conversation }) }

  // --- screens ---

  viewThread({ count = 50, conversation } = {}) { return this.#do('view', { count, conversation }) }
  viewList() { return this.#do('view.list') }
  viewMore(view, count = 50) { this.#do('view.more', { view, count }) }
  viewClose(view) { this.#do('view.close', { view }) }

  // --- asking for something ---

  /** Any request by its name in the protocol; what is undefined is left out. */
  call(type, data = {}) {
    const number = this.#do(type, data)
    if (number === 0) return Promise.resolve({})
    setImmediate(() => this.#drain())
    return new Promise((resolve, reject) => this.#calls.set(number, { resolve, reject }))
  }

  loadOlder({ count = 50, conversation } = {}) { return this.call('older', { count, conversation }) }
  requestHuman({ queue, reason, conversation } = {}) { return this.call('handoff.request', { queue, reason, conversation }) }
  leaveQueue({ conversation } = {}) { return this.call('queue.leave', { conversation }) }
  openConversation(topic) { return this.call('conversation.open', { topic }) }
  processStart(type, { title, step, data, conversation } = {}) {
    return this.call('process.start', { type, title, step, data, conversation })
  }
  processStep(process, revision, { step, state, data, conversation } = {}) {
    return this.call('process.step', { process, revision, step, state, data, conversation })
  }
  processGet({ process, conversation } = {}) { return this.call('process.get', { process, conversation }) }
  range({ after, before, count = 50, conversation } = {}) { return this.call('range', { after, before, limit: count, conversation }) }
  getConversations({ customer } = {}) { return this.call('conversations', { customer }) }
  getStarts({ language } = {}) { return this.call('starts', { language }) }
  contextGet({ at, conversation } = {}) { return this.call('context.get', { at, conversation }) }
  upload(name, type, bytes, sha256, { conversation } = {}) { return this.call('upload', { name, type, bytes, sha256, conversation }) }
  download(blob, { conversation } = {}) { return this.call('download', { blob, conversation }) }

  // --- agents ---

  setStatus(status) { return this.call('status.set', { status }) }
  getInbox() { return this.call('inbox') }
  accept(conversation, offer) { return this.call('offer.accept', { conversation, offer }) }
  decline(conversation, offer, { reason } = {}) { return this.call('offer.decline', { conversation, offer, reason }) }
  subscribe(conversation) { return this.call('subscribe', { conversation }) }
  unsubscribe(conversation) { return this.call('unsubscribe', { conversation }) }
  transfer(conversation, queue, { reason } = {}) { return this.call('transfer', { conversation, queue, reason }) }
  release(conversation, { outcome, note } = {}) { return this.call('release', { conversation, outcome, note }) }
  resolve(conversation, { outcome, note } = {}) { return this.call('resolve', { conversation, outcome, note }) }
  reopen(conversation) { return this.call('reopen', { conversation }) }

  // --- how calls are made ---

  #open() {
    if (!this.#handle) throw new ParleyError('closed', { text: 'the client was closed' })
    return this.#handle
  }

  #do(type, data = {}) {
    const number = native.call(this.#open(), JSON.stringify({ type, data }))
    if (number < 0) throw refused(-number)
    return number
  }

  #say(type, data) {
    const id = native.say(this.#open(), JSON.stringify({ type, data }))
    if (typeof id === 'number') throw refused(-id)
    return id
  }
}

class Reader {
  #queue = []
  #waiting = []
  #ended = false
  #more
  #left

  constructor(more, left) { this.#more = more; this.#left = left }
  get length() { return this.#queue.length }

  give(event) {
    const waiting = this.#waiting.shift()
    if (waiting) waiting({ value: event, done: false })
    else this.#queue.push(event)
  }

  end() {
    this.#ended = true
    for (const waiting of this.#waiting.splice(0)) waiting({ value: undefined, done: true })
  }

  async next() {
    const event = this.#queue.shift()
    if (this.#queue.length === 0 && !this.#ended) this.#more()
    if (event) return { value: event, done: false }
    if (this.#queue.length > 0) return { value: this.#queue.shift(), done: false }
    if (this.#ended) return { value: undefined, done: true }
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  async return() {
    this.#left()
    this.end()
    return { value: undefined, done: true }
  }

  [Symbol.asyncIterator]() { return this }
}

module.exports = { Client, ParleyError, version: native.version }
