/* What happens and what can be done is described in parley/client.h under the same names. */
import { EventEmitter } from 'node:events'

export type State = 'idle' | 'connecting' | 'syncing' | 'online' | 'backoff' | 'suspended' | 'needs_token' | 'blocked' | 'closed'
export type OutboxState = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed_retry' | 'failed_final' | 'discarded'
export type ProcessState = 'open' | 'done' | 'failed'
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined }
export type Data = { [key: string]: any }

export interface Item {
  seq: number
  prev: number
  id: string
  kind: string
  role: string
  author?: string
  /** Milliseconds since 1970, UTC. */
  at: number
  audience?: string
  body: Data
}

/** A row of a thread's view (`item`) or of the list's (`conversation`, `last`). */
export interface Row {
  id?: string
  seq?: number
  mine?: boolean
  state?: OutboxState
  reason?: string
  text?: string
  name?: string
  item?: Item
  conversation?: string
  topic?: string
  main?: boolean
  head?: number
  unread?: number
  last?: Item
}

export interface Happened { event: string; conversation?: string; [field: string]: any }
export interface StateEvent extends Happened { event: 'state'; state: State; was: State; reason?: string; text?: string; retry_in_ms?: number }
export interface ItemEvent extends Happened { event: 'item'; item: Item; new: boolean; mine: boolean }
export interface OutboxEvent extends Happened { event: 'outbox'; id: string; state: OutboxState; kind: string; seq?: number; reason?: string; text?: string }
export interface ViewEvent extends Happened { event: 'view'; view: number; change: 'insert' | 'update' | 'remove' | 'reset' | 'older'; index: number; row?: Row; count?: number; start?: boolean }
export interface UnreadEvent extends Happened { event: 'unread'; unread: number; total: number }
export interface TypingEvent extends Happened { event: 'typing'; participant: string; role: string; on: boolean }
export interface ReplyEvent extends Happened { event: 'reply'; call: number; type: string; status: string; data?: Data; error?: Data }
export type ParleyEvent = StateEvent | ItemEvent | OutboxEvent | ViewEvent | UnreadEvent | TypingEvent | ReplyEvent | Happened

export interface Options {
  url: string
  token?: string
  /** Where what was said and heard is kept; with `user`, who is signed in. Without: in memory. */
  folder?: string
  user?: string
  device?: string
  locale?: string
  timeZone?: string
  appName?: string
  appVersion?: string
  caFile?: string
  page?: number
  backgroundMs?: number
  wireJson?: boolean
  allowPlain?: boolean
  noReceipts?: boolean
  /** Events that may wait for an iterator (1024), unless a call is awaited; more wait in the library. */
  buffered?: number
}

export interface In { /** Left out: the customer's main one. */ conversation?: string }

/** A call that failed: `code` is the status's name, `error` what the server said of it. */
export class ParleyError extends Error {
  readonly code: string
  readonly error: { code?: string; text?: string; path?: string; retry_after_ms?: number; current?: Data }
}

/** Events are emitted by name, and all of them as 'event'; what comes while nobody listens is not kept for later.
 *  `for await (const event of client)` gets each one from then on. */
export class Client extends EventEmitter implements AsyncIterable<ParleyEvent> {
  /** Throws ParleyError when the client cannot be made. */
  constructor(options: Options | string)

  connect(): void
  /** Closes the connection until the next connect. */
  disconnect(): void
  setToken(token: string): void
  signOut(): void
  /** How this device is woken while the app is away; null: not any more. */
  pushRegister(platform: string, token: string | null): void
  /** For a silent push: takes what is there and sends what waits, in at most so long. */
  sync(limitMs: number): Promise<Data>
  setForeground(on: boolean): void
  networkChanged(reachable: boolean): void
  /** An open client keeps the process alive, unless unref was called. */
  ref(): this
  unref(): this
  readonly state: State
  readonly unread: number
  /** Frees everything; resolves when nothing of it runs any more. */
  close(): Promise<void>

  on(event: 'state', listener: (event: StateEvent) => void): this
  on(event: 'item', listener: (event: ItemEvent) => void): this
  on(event: 'outbox', listener: (event: OutboxEvent) => void): this
  on(event: 'view', listener: (event: ViewEvent) => void): this
  on(event: 'unread', listener: (event: UnreadEvent) => void): this
  on(event: 'typing', listener: (event: TypingEvent) => void): this
  on(event: 'event', listener: (event: ParleyEvent) => void): this
  on(event: string, listener: (event: any) => void): this
  [Symbol.asyncIterator](): AsyncIterableIterator<ParleyEvent>

  send(text: string, options?: In): string
  post(kind: string, body: Data, options?: In): string
  tap(seq: number, value: string, options?: In & { label?: string }): string
  submitForm(seq: number, values: Data, options?: In): string
  /** Staff: what only staff see; with `to`, what only that member of staff sees. */
  note(text: string, options?: In & { to?: string }): string
  /** Begins a process: shown at once, also offline; its id. */
  processBegin(type: string, options?: In & { data?: Data; title?: string; step?: string }): string
  /** Changes a process, sent on whatever it has become meanwhile; the id of the change. */
  processEdit(process: string, options?: In & { data?: Data; step?: string; state?: ProcessState }): string
  retry(id: string): void
  discard(id: string): void
  outbox(): Promise<Data[]>
  /** Keeps what is half written; null forgets it. */
  draft(value: Json, options?: In & { number?: number }): void
  markRead(seq: number, options?: In): void
  typing(on?: boolean, options?: In): void
  /** What the customer is doing; null takes the key away. */
  context(key: string, value: Json, options?: In): void
  /** Answers a conflict: what is given takes the place of what was said. */
  processMerge(id: string, options?: { data?: Data; step?: string; state?: ProcessState }): void
  contextMask(name: string, options?: { keys?: string, shape?: string }): void
  recap(options?: In): Promise<Data>

  /** A window on a thread; 'view' events with this number keep it up to date. */
  viewThread(options?: In & { count?: number }): number
  viewList(): number
  viewMore(view: number, count?: number): void
  viewClose(view: number): void

  /** Any request by its name in the protocol; rejects with ParleyError. */
  call(type: string, data?: Data): Promise<Data>
  loadOlder(options?: In & { count?: number }): Promise<Data>
  requestHuman(options?: In & { queue?: string; reason?: string }): Promise<Data>
  leaveQueue(options?: In): Promise<Data>
  openConversation(topic: string): Promise<Data>
  /** Begins a process now, as the server says; offline and at once: processBegin. */
  processStart(type: string, options?: In & { title?: string; step?: string; data?: Data }): Promise<Data>
  processStep(process: string, revision: number, options?: In & { step?: string; state?: ProcessState; data?: Data }): Promise<Data>
  /** One process, or the open ones. */
  processGet(options?: In & { process?: string }): Promise<Data>
  /** Items as they stand in the log: above `after`, or below `before`, or the newest. */
  range(options?: In & { after?: number; before?: number; count?: number }): Promise<Data>
  /** The own ones; staff name whose. */
  getConversations(options?: { customer?: string }): Promise<Data>
  getStarts(options?: { language?: string }): Promise<Data>
  /** The context in force at a number; now. */
  contextGet(options?: In & { at?: number }): Promise<Data>
  /** A place to PUT a file to, once: `url`; then post a `media` item that names `blob`. */
  upload(name: string, type: string, bytes: number, sha256: string, options?: In): Promise<Data>
  /** A place to GET the file of a `media` item from, once: `url`. */
  download(blob: string, options?: In): Promise<Data>

  // Agents
  setStatus(status: 'online' | 'busy' | 'away' | 'offline'): Promise<Data>
  /** The desk: status, sessions, offers, queues. */
  getInbox(): Promise<Data>
  /** Takes an offer; rejects with `taken` when somebody else was first. */
  accept(conversation: string, offer: string): Promise<Data>
  decline(conversation: string, offer: string, options?: { reason?: string }): Promise<Data>
  /** Follows a conversation: its newest items come, then all that is said. */
  subscribe(conversation: string): Promise<Data>
  unsubscribe(conversation: string): Promise<Data>
  transfer(conversation: string, queue: string, options?: { reason?: string }): Promise<Data>
  /** Gives it back to the flow that handed it over. */
  release(conversation: string, options?: { outcome?: string; note?: string }): Promise<Data>
  resolve(conversation: string, options?: { outcome?: string; note?: string }): Promise<Data>
  /** Takes up again what was resolved, within 24 hours. */
  reopen(conversation: string): Promise<Data>
}

/** "0.1.0": the library's. */
export function version(): string
