// Makes every call once that asks the server for something, in Node.
import { createRequire } from 'node:module'

const { Client } = createRequire(import.meta.url)(process.env.PARLEY_NODE)
const conversation = process.env.PARLEY_CONV
const other = process.env.PARLEY_OTHER
const desk = new Client({ url: process.env.PARLEY_URL, token: 't', wireJson: true, noReceipts: true })
const said = text => new Promise(resolve => desk.on('item', event => event.item.body.text === text && resolve()))
const enough = said('enough')
desk.connect()
const asked = [desk.subscribe(conversation)]
await said('hello')
desk.send('hi', { conversation })
desk.post('location', { latitude: 1.5, longitude: 2.5 }, { conversation })
desk.tap(1, 'a', { label: 'A', conversation })
desk.submitForm(1, { x: '1' }, { conversation })
desk.note('psst', { to: other, conversation })
const begun = desk.processBegin('order', { data: { a: 1 }, title: 'An order', step: 'one', conversation })
desk.processEdit(begun, { data: { b: 2 }, step: 'two', state: 'open', conversation })
desk.markRead(1, { conversation })
desk.typing(true, { conversation })
desk.context('screen', 'cart', { conversation })
asked.push(
  desk.requestHuman({ queue: 'billing', reason: 'money', conversation }),
  desk.leaveQueue({ conversation }),
  desk.openConversation('returns'),
  desk.processStart('claim', { title: 'Claim', step: 'one', data: { a: 1 }, conversation }),
  desk.processStep(other, 3, { step: 'two', state: 'open', data: { a: 2 }, conversation }),
  desk.processGet({ process: other, conversation }),
  desk.range({ before: 7, count: 3, conversation }),
  desk.getConversations({ customer: other }),
  desk.getStarts({ language: 'pt-BR' }),
  desk.contextGet({ at: 9, conversation }),
  desk.upload('a.png', 'image/png', 7, 'a'.repeat(64), { conversation }),
  desk.download(other, { conversation }),
  desk.setStatus('busy'),
  desk.getInbox(),
  desk.accept(conversation, other),
  desk.decline(conversation, other, { reason: 'lunch' }),
  desk.transfer(conversation, 'billing', { reason: 'money' }),
  desk.release(conversation, { outcome: 'done', note: 'note' }),
  desk.resolve(conversation, { outcome: 'done', note: 'note' }),
  desk.reopen(conversation),
  desk.unsubscribe(other))
await Promise.allSettled(asked)
await enough
await desk.close()
