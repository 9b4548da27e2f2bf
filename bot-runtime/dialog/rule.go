package dialog

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"

	"github.com/loket-dev/loket/api/v1alpha1"
)

// answerRule writes a rule as CEL: authors who write none get the same program as those who do.
func (c *compiler) answerRule(r *v1alpha1.AnswerRule, kind v1alpha1.AskType, path string) *expression {
	var all []string
	add := func(field, cel string, of ...v1alpha1.AskType) {
		if !slices.Contains(of, kind) {
			c.find(reasonNode, path+"."+field, "means nothing for a question of type %s; leave it out", kind)
			return
		}
		all = append(all, cel)
	}
	if r.MinLength != nil {
		add("minLength", fmt.Sprintf("input.text.size() >= %d", *r.MinLength), v1alpha1.AskText, v1alpha1.AskPhone, v1alpha1.AskEmail)
	}
	if r.MaxLength != nil {
		add("maxLength", fmt.Sprintf("input.text.size() <= %d", *r.MaxLength), v1alpha1.AskText, v1alpha1.AskPhone, v1alpha1.AskEmail)
	}
	if r.Pattern != "" {
		if _, err := regexp.Compile(r.Pattern); err != nil {
			c.find(reasonExpression, path+".pattern", "no regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		} else {
			add("pattern", "input.text.matches("+strconv.Quote("^(?:"+r.Pattern+")$")+")", v1alpha1.AskText, v1alpha1.AskPhone, v1alpha1.AskEmail)
		}
	}
	if r.Minimum != nil {
		add("minimum", fmt.Sprintf("double(input.text) >= %d.0", *r.Minimum), v1alpha1.AskNumber)
	}
	if r.Maximum != nil {
		add("maximum", fmt.Sprintf("double(input.text) <= %d.0", *r.Maximum), v1alpha1.AskNumber)
	}
	if r.NotBefore != "" {
		add("notBefore", "input.text >= "+c.dateBound(r.NotBefore, path+".notBefore"), v1alpha1.AskDate)
	}
	if r.NotAfter != "" {
		add("notAfter", "input.text <= "+c.dateBound(r.NotAfter, path+".notAfter"), v1alpha1.AskDate)
	}
	if len(all) == 0 {
		return nil
	}
	return c.expression(strings.Join(all, " && "), path, 0, types.BoolKind)
}

// dateBound is a bound as CEL. Dates are texts, which compare as they follow each other.
func (c *compiler) dateBound(b v1alpha1.DateBound, path string) string {
	if b == "today" {
		return "input.date"
	}
	if _, err := time.Parse(time.DateOnly, string(b)); err != nil {
		c.find(reasonNode, path, "%q is no date; write it as 2026-12-31, or today", b)
	}
	return strconv.Quote(string(b))
}
