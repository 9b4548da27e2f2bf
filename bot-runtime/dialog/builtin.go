package dialog

import "github.com/loket-dev/loket/api/v1alpha1"

// Loket's own words, where a flow has none to say. Other languages get the English.
type builtin struct {
	notUnderstood string
	pleaseWrite   string
	lateForm      string
	apology       string
	tooMany       string
	oneMoment     string
	yes, no       string // titles of the two answers
	person        string // title of the choice that leads to one
	ratings       [5]string
	invalid       map[v1alpha1.AskType]string
}

var builtins = map[string]*builtin{
	"id": {
		notUnderstood: "Maaf, saya belum mengerti. Silakan pilih salah satu.",
		pleaseWrite:   "Maaf, saya hanya bisa membaca tulisan. Silakan ketik pesan Anda.",
		lateForm:      "Isian formulir ini tidak kami pakai, karena percakapan sudah berlanjut. Kalau ada yang perlu diubah, tulis di sini.",
		apology:       "Maaf, pesan Anda tidak dapat kami proses karena gangguan di pihak kami. Silakan kirim sekali lagi atau bicara dengan petugas.",
		tooMany:       "Pesan Anda datang terlalu cepat, jadi sebagian tidak kami jawab. Silakan tunggu satu menit, lalu tulis lagi.",
		oneMoment:     "Mohon tunggu sebentar.",
		yes:           "Ya",
		no:            "Tidak",
		person:        "Hubungi petugas",
		ratings:       [5]string{"1 Buruk", "2 Kurang", "3 Cukup", "4 Puas", "5 Sangat puas"},
		invalid: map[v1alpha1.AskType]string{
			v1alpha1.AskText:     "Maaf, jawaban itu belum sesuai. Silakan coba lagi.",
			v1alpha1.AskNumber:   "Silakan tulis dengan angka, misalnya 250000.",
			v1alpha1.AskDate:     "Silakan tulis tanggal, misalnya 31-12-2026.",
			v1alpha1.AskEmail:    "Silakan tulis alamat e-mail, misalnya nama@contoh.id.",
			v1alpha1.AskPhone:    "Silakan tulis nomor telepon, misalnya 0812 3456 7890.",
			v1alpha1.AskChoice:   "Maaf, saya belum mengerti. Silakan pilih salah satu.",
			v1alpha1.AskYesNo:    "Silakan jawab ya atau tidak.",
			v1alpha1.AskLocation: "Silakan bagikan lokasi Anda, atau tulis koordinatnya, misalnya -6.20, 106.80.",
			v1alpha1.AskFile:     "Silakan kirim berkasnya sebagai lampiran.",
			v1alpha1.AskPicture:  "Silakan kirim fotonya sebagai lampiran.",
		},
	},
	"en": {
		notUnderstood: "Sorry, I did not understand. Please choose one.",
		pleaseWrite:   "Sorry, I can only read text. Please write your message.",
		lateForm:      "We did not use what you sent by this form, for the conversation has gone on. If something has to be changed, write it here.",
		apology:       "Sorry, we could not handle your message because of a fault on our side. Please send it again or talk to a person.",
		tooMany:       "Your messages come faster than we can answer, so some of them get no answer. Please wait a minute and write again.",
		oneMoment:     "One moment, please.",
		yes:           "Yes",
		no:            "No",
		person:        "Talk to a person",
		ratings:       [5]string{"1 Bad", "2 Poor", "3 Fair", "4 Good", "5 Very good"},
		invalid: map[v1alpha1.AskType]string{
			v1alpha1.AskText:     "Sorry, that answer will not do. Please try again.",
			v1alpha1.AskNumber:   "Please write digits, such as 250000.",
			v1alpha1.AskDate:     "Please write a date, such as 31-12-2026.",
			v1alpha1.AskEmail:    "Please write an e-mail address, such as name@example.com.",
			v1alpha1.AskPhone:    "Please write a phone number, such as 0812 3456 7890.",
			v1alpha1.AskChoice:   "Sorry, I did not understand. Please choose one.",
			v1alpha1.AskYesNo:    "Please answer yes or no.",
			v1alpha1.AskLocation: "Please share your location, or write its coordinates, such as -6.20, 106.80.",
			v1alpha1.AskFile:     "Please send the file as an attachment.",
			v1alpha1.AskPicture:  "Please send the picture as an attachment.",
		},
	},
}

// own gives Loket's words in a language.
func own(language string) *builtin {
	if len(language) >= 2 {
		if b, ok := builtins[language[:2]]; ok {
			return b
		}
	}
	return builtins["en"]
}
