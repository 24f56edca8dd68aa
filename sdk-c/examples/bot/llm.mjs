// A bot with a language model behind it, by any endpoint that takes chat completions:
//
//   PARLEY_URL=ws://127.0.0.1:8300/v1/ws PARLEY_KEY=pk_... LLM_URL=http://127.0.0.1:9000/v1/chat/completions node llm.mjs
//
// LLM_KEY, LLM_MODEL and LLM_PROMPT as the endpoint and the company want them; LLM_TIMEOUT_MS (10000) for one answer, which is
// asked for LLM_TRIES (3) times. The model says when a person is needed; when it fails, a person takes over as well.
import { serve } from './bot.mjs'

const { PARLEY_URL, PARLEY_KEY, LLM_URL, LLM_KEY, LLM_MODEL = 'default' } = process.env
const TIMEOUT_MS = Number(process.env.LLM_TIMEOUT_MS ?? 10000), TRIES = Number(process.env.LLM_TRIES ?? 3)
const PROMPT = process.env.LLM_PROMPT ?? 'You answer customers of a shop, briefly. When you cannot help, call hand_off.'
const HISTORY = 40 // items that the model is told

const TOOLS = [{ type: 'function', function: {
  name: 'hand_off', description: 'A person of the company takes over the conversation.',
  parameters: { type: 'object', required: ['reason'], properties: {
    reason: { type: 'string', description: 'in a few words' },
    summary: { type: 'string', description: 'what the person should know' },
    collected: { type: 'object', description: 'facts that the customer told: order, address, ...' } } } } }]

const wait = ms => new Promise(done => setTimeout(done, ms))

// The thread as the model knows it: people of the company count as the assistant.
function messages(turn) {
  const said = turn.history.filter(i => i.kind === 'text' && i.seq <= turn.item.seq).slice(-HISTORY)
  return [{ role: 'system', content: PROMPT },
          ...said.map(i => ({ role: ['customer', 'guest'].includes(i.role) ? 'user' : 'assistant', content: i.body.text }))]
}

async function complete(turn) {
  const answer = await fetch(LLM_URL, {
    method: 'POST', signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { 'Content-Type': 'application/json', ...(LLM_KEY ? { Authorization: `Bearer ${LLM_KEY}` } : {}) },
    body: JSON.stringify({ model: LLM_MODEL, messages: messages(turn), tools: TOOLS }) })
  if (!answer.ok) throw Object.assign(new Error(`the model answered ${answer.status}`), { again: answer.status === 429 || answer.status >= 500 })
  const { choices } = await answer.json()
  if (!choices?.[0]?.message) throw new Error('the model gave no message')
  return choices[0].message
}

// What passes by itself is tried again: time-outs, broken connections, 429 and 5xx.
async function ask(turn) {
  for (let n = 1; ; n++) {
    try {
      return await complete(turn)
    } catch (error) {
      if (n >= TRIES || error.again === false || turn.signal.aborted) throw error
      await wait(200 * n)
    }
  }
}

await serve({ url: PARLEY_URL, key: PARLEY_KEY }, async turn => {
  turn.typing() // the watchdog waits for who types
  const typing = setInterval(() => turn.typing(), 3000)
  let message
  try {
    message = await ask(turn)
  } catch (error) {
    console.error(`llm: ${error.message}`)
    await turn.say('I cannot answer that just now. A person will.')
    return turn.handOff({ reason: 'the model does not answer' })
  } finally {
    clearInterval(typing)
  }
  if (message.content) await turn.say(message.content)
  const call = message.tool_calls?.find(c => c.function?.name === 'hand_off')
  if (!call) return
  let how = {}
  try { how = JSON.parse(call.function.arguments) } catch { /* a person comes all the same */ }
  const text = (value, most) => typeof value === 'string' ? value.slice(0, most) : undefined
  await turn.handOff({ reason: text(how.reason, 80) ?? 'the model asks for a person', summary: text(how.summary, 4000),
                       collected: how.collected && typeof how.collected === 'object' && !Array.isArray(how.collected) ? how.collected : undefined })
})
