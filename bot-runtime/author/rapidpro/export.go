// Package rapidpro turns flows that RapidPro has exported (version 13 of its format) into a DialogFlow, for the nodes that have a
// counterpart, and tells what has none. It reads nothing but the export; what it makes is for an author to go through.
package rapidpro

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// export is what we read of an export; all else is left alone.
type export struct {
	Version string `json:"version"`
	Flows   []flow `json:"flows"`
}

type flow struct {
	UUID         string                                    `json:"uuid"`
	Name         string                                    `json:"name"`
	Language     string                                    `json:"language"`
	Type         string                                    `json:"type"`
	SpecVersion  string                                    `json:"spec_version"`
	Nodes        []node                                    `json:"nodes"`
	Localization map[string]map[string]map[string]anything `json:"localization"`
}

// anything is a list of texts, or whatever else an export may have there.
type anything []string

func (a *anything) UnmarshalJSON(body []byte) error {
	var all []string
	if json.Unmarshal(body, &all) == nil {
		*a = all
	}
	return nil
}

type node struct {
	UUID    string   `json:"uuid"`
	Actions []action `json:"actions"`
	Router  *router  `json:"router"`
	Exits   []exit   `json:"exits"`
}

type exit struct {
	UUID        string `json:"uuid"`
	Destination string `json:"destination_uuid"`
}

type action struct {
	UUID         string   `json:"uuid"`
	Type         string   `json:"type"`
	Text         string   `json:"text"`
	Attachments  []string `json:"attachments"`
	QuickReplies anything `json:"quick_replies"`
	Name         string   `json:"name"`
	Value        string   `json:"value"`
	Field        struct {
		Key string `json:"key"`
	} `json:"field"`
	Flow struct {
		UUID string `json:"uuid"`
		Name string `json:"name"`
	} `json:"flow"`
	Terminal bool   `json:"terminal"`
	Method   string `json:"method"`
	URL      string `json:"url"`
	Body     string `json:"body"`
}

type router struct {
	Type       string     `json:"type"`
	Operand    string     `json:"operand"`
	ResultName string     `json:"result_name"`
	Wait       *wait      `json:"wait"`
	Cases      []rule     `json:"cases"`
	Categories []category `json:"categories"`
	Default    string     `json:"default_category_uuid"`
}

type wait struct {
	Type    string `json:"type"`
	Timeout *struct {
		Seconds  int    `json:"seconds"`
		Category string `json:"category_uuid"`
	} `json:"timeout"`
}

type rule struct {
	UUID      string   `json:"uuid"`
	Type      string   `json:"type"`
	Arguments []string `json:"arguments"`
	Category  string   `json:"category_uuid"`
}

type category struct {
	UUID string `json:"uuid"`
	Name string `json:"name"`
	Exit string `json:"exit_uuid"`
}

// read takes an export, or one flow as the editor gives it.
func read(body []byte) (export, error) {
	var e export
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("is no export of RapidPro, which is JSON: %w", err)
	}
	if len(e.Flows) == 0 {
		var one flow
		if err := json.Unmarshal(body, &one); err == nil && len(one.Nodes) > 0 {
			e.Flows, e.Version = []flow{one}, "13"
		}
	}
	switch {
	case len(e.Flows) == 0:
		return e, errors.New("has no flows; export at least one from RapidPro")
	case e.Version != "13" && !strings.HasPrefix(e.Version, "13."):
		return e, fmt.Errorf("version %q of the format, 13 is read; open the flows in a newer RapidPro and export them again", e.Version)
	}
	return e, nil
}

// exit of a category: the node that follows, or "" for the flow's end.
func (n *node) leads(category string) string {
	if n.Router != nil {
		for _, c := range n.Router.Categories {
			if c.UUID == category {
				return n.destination(c.Exit)
			}
		}
	}
	return ""
}

func (n *node) destination(uuid string) string {
	for _, e := range n.Exits {
		if e.UUID == uuid {
			return e.Destination
		}
	}
	return ""
}

// follows is the node that follows one without a router.
func (n *node) follows() string {
	if len(n.Exits) == 0 {
		return ""
	}
	return n.Exits[0].Destination
}
