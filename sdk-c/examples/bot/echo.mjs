// The smallest bot: PARLEY_URL=ws://127.0.0.1:8300/v1/ws PARLEY_KEY=pk_... node echo.mjs
import { serve } from './bot.mjs'

await serve({ url: process.env.PARLEY_URL, key: process.env.PARLEY_KEY }, async turn => {
  if (/person|human/i.test(turn.text)) {
    await turn.say('I get you a person.')
    return turn.handOff({ reason: 'asked for a person', summary: `The last words were: ${turn.text}` })
  }
  if (/bye/i.test(turn.text)) {
    await turn.say('Goodbye!')
    return turn.resolve('finished')
  }
  await turn.say(`You said: ${turn.text}`)
})
