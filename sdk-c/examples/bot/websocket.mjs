// A WebSocket of text messages on what Node 18 brings: nothing to install. Enough for one protocol, and no more.
import { randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'

const MORE = 0, TEXT = 1, CLOSE = 8, PING = 9, PONG = 10

function frame(opcode, payload) {
  const mask = randomBytes(4), long = payload.length > 125
  const head = Buffer.alloc(long ? (payload.length > 0xffff ? 10 : 4) : 2)
  head[0] = 0x80 | opcode
  head[1] = 0x80 | (long ? (head.length === 10 ? 127 : 126) : payload.length)
  if (head.length === 4) head.writeUInt16BE(payload.length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(payload.length), 2)
  const masked = Buffer.from(payload)
  for (let i = 0; i < masked.length; i++) masked[i] ^= mask[i & 3]
  return Buffer.concat([head, mask, masked])
}

// The first frame of the bytes, and what comes after it; nothing while it is not whole.
function parse(bytes) {
  if (bytes.length < 2) return
  let size = bytes[1] & 127, at = size === 126 ? 4 : size === 127 ? 10 : 2
  if (bytes.length < at) return
  if (size === 126) size = bytes.readUInt16BE(2)
  if (size === 127) size = Number(bytes.readBigUInt64BE(2))
  if (bytes.length < at + size) return
  return { opcode: bytes[0] & 15, last: (bytes[0] & 128) !== 0, payload: bytes.subarray(at, at + size),
           rest: bytes.subarray(at + size) }
}

// Resolves to {send(text), close()} when it is open. message(text) comes for each message, closed(code) once. A server that
// says nothing for quietMs is gone.
export function connect(url, protocol, { message, closed, quietMs = 75000 }) {
  return new Promise((resolve, reject) => {
    const where = new URL(url), secure = where.protocol === 'wss:'
    const request = (secure ? https : http).request({
      host: where.hostname, port: where.port || (secure ? 443 : 80), path: where.pathname + where.search,
      headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': 13,
                 'Sec-WebSocket-Key': randomBytes(16).toString('base64'), 'Sec-WebSocket-Protocol': protocol } })
    request.on('error', reject)
    request.on('response', answer => { answer.resume(); reject(new Error(`no WebSocket here: ${answer.statusCode}`)) })
    request.on('upgrade', (answer, socket, first) => {
      let bytes = first, parts = [], code = 1006
      const take = () => {
        for (let f; (f = parse(bytes));) {
          bytes = f.rest
          if (f.opcode === PING) socket.write(frame(PONG, f.payload))
          if (f.opcode === CLOSE) code = f.payload.length > 1 ? f.payload.readUInt16BE(0) : 1005, socket.end(frame(CLOSE, f.payload))
          if (f.opcode !== TEXT && f.opcode !== MORE) continue
          parts.push(f.payload)
          if (f.last) message(Buffer.concat(parts.splice(0)).toString('utf8'))
        }
      }
      socket.setTimeout(quietMs, () => socket.destroy())
      socket.on('data', more => { bytes = Buffer.concat([bytes, more]); take() })
      socket.on('error', () => {})
      socket.on('close', () => closed(code))
      resolve({ send: text => socket.write(frame(TEXT, Buffer.from(text))),
                close: () => socket.end(frame(CLOSE, Buffer.from([3, 232]))) })
      take()
    })
    request.end()
  })
}
