// The part of the app in test_bindings.py, in Node.
import { createRequire } from 'node:module'

const { Client } = createRequire(import.meta.url)(process.env.PARLEY_NODE)
const [url, token, folder, device] = ['URL', 'TOKEN', 'FOLDER', 'DEVICE'].map(name => process.env[`PARLEY_${name}`])
const ours = { url, token, folder, device, user: 'guest', buffered: 1 }
const say = (...words) => console.log(words.join(' '))

async function until(events, fits) {
  for (;;) {
    const { value, done } = await events.next()
    if (done) throw new Error('no more events')
    if (fits(value)) return value
  }
}

const state = name => event => event.event === 'state' && event.state === name
const said = text => event => event.event === 'item' && event.item.body.text === text

async function rows(client, events, word) {
  const view = client.viewThread({ count: 50 })
  const table = []
  const texts = () => table.filter(row => row.item.kind === 'text')
  while (texts().length < 3) {
    const { change, index, row } = await until(events, event => event.event === 'view' && event.view === view)
    if (change === 'insert') table.splice(index, 0, row)
    if (change === 'update') Object.assign(table[index], row)
    if (change === 'remove') table.splice(index, 1)
    if (change === 'reset') table.length = 0
  }
  for (const row of texts()) say(word, row.seq, row.item.body.text)
}

const client = new Client(ours)
const events = client[Symbol.asyncIterator]()
const heard = []
client.on('item', event => heard.push(event.item.body.text))
client.connect()
await until(events, state('online'))
const one = client.send('one \u{1f44b}')
await until(events, event => event.event === 'outbox' && event.id === one && event.state === 'sent')
say('sent', one)
await until(events, state('backoff'))
say('lost')
await until(events, said('while you were away'))
say('back')
const page = await client.call('range', { limit: 50 })
say('range', page.thread.items.filter(item => item.kind === 'text').length)
await client.processStep(one, 1, { step: 'none' }).catch(error => say('refused', error.code))
try {
  client.send('cut\0short')
} catch {
  say('refused zero')
}
try {
  client.call('range', { after: 'x' })
} catch (error) {
  say('refused', error.message)
}
client.send('two')
await until(events, said('two'))
client.draft('half a sen')
await rows(client, events, 'row')
say('heard', heard.filter(text => text).length)
const waiting = until(events, () => false).catch(error => error.message)
await client.close()
say('let go:', await waiting)

const again = new Client(ours)
await rows(again, again[Symbol.asyncIterator](), 'kept')
say('draft', (await again.recap()).drafts[0].value)
const late = again.call('range', { limit: 1 }).catch(error => error.code)
await again.close()
say(await late)
try {
  again.send('late')
} catch (error) {
  say(error.code)
}
new Client(ours) // the program may end with one open
process.exit(0)
