package directory

import "fmt"

// Reason is why an answer is what it is, in English and Indonesian.
type Reason struct{ EN, ID string }

func (r Reason) and(more Reason) Reason { return Reason{r.EN + more.EN, r.ID + more.ID} }

var (
	whyNothing    = Reason{"nothing was asked", "tidak ada yang ditanyakan"}
	whyOnlyChat   = Reason{"nothing but chat words was asked", "hanya kata percakapan yang ditanyakan"}
	whyNoEntry    = Reason{"no entry has these words", "tidak ada entri dengan kata-kata ini"}
	whyListed     = Reason{"; it is on the warning list", "; ada di daftar peringatan"}
	whySomeListed = Reason{"; some of them are on the warning list", "; sebagian ada di daftar peringatan"}
	whyMixed      = Reason{"; letters or digits of another script are mixed in", "; ada huruf atau angka dari aksara lain di dalamnya"}
	whyCut        = Reason{"; the text is longer than what is read of it", "; teksnya lebih panjang daripada yang dibaca"}
	whyPresented  = Reason{"; fakes present themselves with the words beside it", "; pihak palsu biasa memakai kata-kata di sampingnya"}
	whyImitates   = Reason{", and it is made to look like this one", ", dan dibuat mirip dengan yang ini"}
)

// In Indonesian, the fields that an answer matched by.
var fieldsID = map[string]string{
	fieldName: "nama", fieldAlias: "nama lain", fieldSite: "situs", fieldPhone: "telepon", fieldEmail: "surel", fieldLicence: "nomor izin",
}

func whyEqual(field string) Reason {
	return Reason{"the " + field + " is equal", fieldsID[field] + " sama"}
}

func whySeveral(n int, why Reason) Reason {
	return Reason{fmt.Sprintf("%d entries may be meant: %s", n, why.EN), fmt.Sprintf("%d entri mungkin dimaksud: %s", n, why.ID)}
}

func (x *Index) whyMeant(a *alignment) Reason {
	switch {
	case a.left > 0:
		left := x.wordsAt(a.key, a.missed)
		return Reason{fmt.Sprintf("every word is explained; %q was left out", left), fmt.Sprintf("setiap kata cocok; %q tidak disebut", left)}
	case a.edits > 0:
		return Reason{fmt.Sprintf("every word is explained, with %d letters typed otherwise", a.edits), fmt.Sprintf("setiap kata cocok, dengan %d huruf berbeda", a.edits)}
	}
	return Reason{"the words are equal but for how they are written", "kata-katanya sama, hanya berbeda cara menulis"}
}

func (x *Index) whyResembles(q *query, a *alignment) Reason {
	name, stranger := x.rows.name(x.entryOf(a.key)), q.at(a.unexplained)
	const see = ", see docs/concepts/look-up.md"
	switch {
	case a.strangers == 0:
		return Reason{fmt.Sprintf("near to %q", name), fmt.Sprintf("mirip %q", name)}
	case a.left == 0 || a.glued:
		return Reason{fmt.Sprintf("%q is not in the name %q and not a chat word", stranger, name) + see, fmt.Sprintf("%q tidak ada dalam nama %q", stranger, name)}
	}
	left := x.wordsAt(a.key, a.missed)
	return Reason{fmt.Sprintf("%q stands where %q has %q", stranger, name, left) + see, fmt.Sprintf("tertulis %q, sedangkan %q memuat %q", stranger, name, left)}
}

func whyStrange(id *identifier) Reason {
	return Reason{fmt.Sprintf("%s %q is none of the data set's", id.field, id.text), fmt.Sprintf("%s %q tidak ada dalam data", fieldsID[id.field], id.text)}
}

func whyOwned(id *identifier) Reason {
	return Reason{fmt.Sprintf("%s %q is equal", id.field, id.text), fmt.Sprintf("%s %q sama", fieldsID[id.field], id.text)}
}

func whyTwoOwners(a, b *identifier) Reason {
	return Reason{fmt.Sprintf("%q and %q belong to two different entries", a.text, b.text), fmt.Sprintf("%q dan %q milik dua entri berbeda", a.text, b.text)}
}

func whyBeside(id *identifier, stranger string) Reason {
	return Reason{fmt.Sprintf("%s %q is genuine, but %q beside it is not in the name", id.field, id.text, stranger), fmt.Sprintf("%s %q asli, tetapi %q di sampingnya tidak ada dalam nama", fieldsID[id.field], id.text, stranger)}
}
