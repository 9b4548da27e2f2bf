// Package desk is the counter: the HTTP API that consoles and programs speak, the pages they load, and the router's step.
// It holds nothing. Sign-ins, slots, queue, drafts and events are in the store, so that a console may reconnect to any pod.
// Who gets which conversation is package routing's; that no agent exceeds their slots and that bot and person never both
// answer are the store's constraints. The engine mounts a Desk at /desk/, calls Router from its own poll, and tells Changed.
//
// # API
//
// Everything is below /desk/{pool}/api/, JSON in and out, times in RFC 3339, lengths in characters. Requests that change
// something carry the header "X-Loket-Desk: 1" and, from browsers, an Origin equal to the desk's own. An error is
// {"error": {"code": "...", "message": "..."}}: code is one of the words below and does not change, message is for people.
//
//	GET    about                          {pool, title: {id, en}, languages}; open to all: the sign-in page shows it
//	POST   session                        {agent, password} → 204 and a cookie; 401 wrong-password, 429 too-many-attempts
//	DELETE session                        204; the agent's streams end. Their conversations stay theirs for 60 s.
//	GET    state                          State: all that the console shows, as of seq
//	GET    events?after=SEQ               server-sent events from after SEQ (Last-Event-ID goes first): id = seq, event = kind,
//	                                      data = Event; a comment every 15 s; ends when the sign-in does
//	GET    events?after=SEQ&wait=25s      the same for programs: answers {seq, events} once there are any, else after wait
//	                                      (at most 30 s) with none; go on with after = seq
//	PUT    availability                   {available} → 204; a new sign-in is available only after this
//	GET    conversations/{id}/messages?before=MESSAGE   {messages}: up to 50 older ones, oldest first
//	POST   conversations/{id}/messages    {clientId, text} → 202 {ref}, a message's name in the state;
//	                                      the same clientId again is the same message
//	PUT    conversations/{id}/draft       {text} → 204; empty removes it
//	POST   conversations/{id}/close       204; the citizen gets what the flow says next
//	POST   lookup                         {text} → LookUp: what each directory of the tenant says to a name, an address, a number
//	                                      or a whole message, as the bot would be told; text has 1 to 1000 characters
//	GET    dead-letters?after=ID          {deadLetters, next}: what was given up, oldest first, up to 50 and without what was
//	                                      written; go on with after = next until it is 0
//	GET    dead-letters/{id}              OpenedDeadLetter, with what was written
//	POST   dead-letters/{id}/replay       204; it is handled, or sent, as if it came now
//	DELETE dead-letters/{id}              204; it is forgotten
//
// Dead letters are the tenant's, of all its channels and pools, and for supervisors alone (spec.agents.supervisors of the pool).
//
// Codes: bad-request 400, signed-out and wrong-password 401, foreign-origin and not-a-supervisor 403, unknown-pool, not-found
// and no-dead-letter 404, not-yours, window-closed, unread and cannot-replay 409, too-large 413, too-many-attempts and
// too-many-streams 429, unavailable 503. After 503 the same request may be sent again as it is: replies carry clientId, all else
// is the same when done twice. Of a dead letter whose decision was taken, but its answer lost, no-dead-letter says so.
//
// A program signs in, sets itself available, reads state, then long-polls events and reads state again when one names one of
// its conversations (kinds: queued, assigned, message, delivery, closed, released).
package desk
