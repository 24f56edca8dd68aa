// A customer says hello: PARLEY_URL=... PARLEY_TOKEN=... swift run chat
import Foundation
import Parley

let environment = ProcessInfo.processInfo.environment
let chat = try Client(.init(url: environment["PARLEY_URL"] ?? "ws://127.0.0.1:8300/v1/ws", token: environment["PARLEY_TOKEN"]))
try chat.connect()
try chat.send("Hello")
for await event in chat.events where event.name == "item" {
    print(event.text("item.role") ?? "", event.text("item.body.text") ?? event.text("item.kind") ?? "")
}
