package main

import (
	"github.com/loket-dev/loket/api/v1alpha1"
	"github.com/loket-dev/loket/bot-runtime/engine"
)

func (p *pod) webchat(name string, spec v1alpha1.WebChatChannel, doors engine.Doors) engine.Connection {
	return engine.Connection{}
}
