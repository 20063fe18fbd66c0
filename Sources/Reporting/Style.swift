/// The style sheet of the report: one file for screens light and dark, narrow and wide, and for paper.
enum Style {
    /// - Parameters:
    ///   - colours: of the settings drawn.
    ///   - figures: made for white paper; on a dark page their colours are others.
    static func sheet(colours: [(light: Palette.Colour, dark: Palette.Colour)], figures: [DrawnFigure]) -> String {
        let settings = colours.enumerated().map { i, pair in
            ".s\(i){\(Palette.both("color", pair.light.hex, pair.dark.hex))}"
        }
        let used = Set(
            figures.compactMap(\.svg?.text).flatMap { text in
                text.utf8.split(separator: UInt8(ascii: "\"")).filter { $0.first == UInt8(ascii: "#") }.map {
                    String(Substring($0))
                }
            })
        let drawn = Palette.onDark.sorted { $0.key < $1.key }.filter { used.contains($0.key) }.map { light, dark in
            ["fill", "stroke"].map { property in
                let marks = "[\(property)=\"\(light)\"]"
                // Cells of maps keep the colours of their scale.
                return ".figure\(marks),.figure :not(rect)\(marks){\(Palette.both(property, light, dark))}"
            }.joined()
        }
        return base + Palette.rules + settings.joined() + drawn.joined() + "@media print{\(print)}"
    }

    private static let print = """
        :root{color-scheme:light !important}body{font-size:10pt}main{max-width:none;padding:0}nav,#tools,#tip{display:none}\
        figure,.block,.claims li,tr{break-inside:avoid}h2,h3,h4{break-after:avoid}details{display:none}\
        *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
        """

    private static let base = """
        :root{color-scheme:light dark;--paper:#fff;--card:#f7f8f9;--ink:#1b1f24;--soft:#626c77;--rule:#e1e4e8;--grid:#eceef1;\
        --link:#0b5ea8;--good:#00805d;--bad:#c04a00}
        @supports (color:light-dark(#fff,#000)){:root{--paper:light-dark(#fff,#14171b);--card:light-dark(#f7f8f9,#1d2227);\
        --ink:light-dark(#1b1f24,#e6e8eb);--soft:light-dark(#626c77,#9aa4af);--rule:light-dark(#e1e4e8,#2c323a);\
        --grid:light-dark(#eceef1,#262c33);--link:light-dark(#0b5ea8,#7cc0f7);--good:light-dark(#00805d,#3ecf98);\
        --bad:light-dark(#c04a00,#ff8f66)}}
        :root[data-theme=light]{color-scheme:light}:root[data-theme=dark]{color-scheme:dark}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
        body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 Inter,ui-sans-serif,system-ui,-apple-system,\
        "Segoe UI",Roboto,"Helvetica Neue",Arial,"Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
        main{max-width:1240px;margin:0 auto;padding:56px 40px 96px}
        h1{font-size:34px;line-height:1.18;letter-spacing:-.018em;font-weight:680;margin:6px 0 14px;max-width:30em;text-wrap:balance}
        h2{font-size:23px;line-height:1.25;letter-spacing:-.01em;font-weight:660;margin:72px 0 6px;padding-top:18px;\
        border-top:1px solid var(--rule)}
        h3{font-size:16px;font-weight:640;margin:0}
        h4{font-size:14px;font-weight:640;margin:0 0 30px}
        h4 span{font-weight:400;color:var(--soft)}
        p{margin:0 0 12px;max-width:46em}
        a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
        code,.mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
        .over{color:var(--soft);font-size:14px;letter-spacing:.02em;margin:0}
        .soft{color:var(--soft)}.small{font-size:13.5px}
        nav{display:flex;flex-wrap:wrap;gap:4px 20px;margin:26px 0 0;font-size:14.5px}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(128px,1fr));gap:0;margin:30px 0 26px;\
        border-top:1px solid var(--rule);border-bottom:1px solid var(--rule)}
        .tiles div{padding:14px 16px 12px 0}
        .tiles b{display:block;font-size:25px;line-height:1.2;font-weight:640;letter-spacing:-.015em}
        .tiles span{color:var(--soft);font-size:13px;line-height:1.35;display:block}
        dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:5px 22px;margin:0;font-size:14.5px}
        dl.facts dt{color:var(--soft)}dl.facts dd{margin:0;overflow-wrap:anywhere}
        ol.claims{list-style:none;padding:0;margin:18px 0 0}
        .claims li{display:grid;grid-template-columns:108px 1fr;gap:2px 18px;padding:14px 0;border-bottom:1px solid var(--rule)}
        .claims .say{font-weight:600}.claims .finding{grid-column:2;color:var(--soft);font-size:14.5px}
        .verdict{font-size:13px;font-weight:640;line-height:1.9;white-space:nowrap}
        .good{color:var(--good)}.bad{color:var(--bad)}
        .scroll{overflow-x:auto;margin:18px 0 0;-webkit-overflow-scrolling:touch}
        table{border-collapse:separate;border-spacing:0;font-size:14px;line-height:1.4}
        th,td{padding:6px 26px 6px 0;text-align:left;vertical-align:baseline;white-space:nowrap}
        thead th{border-bottom:1.5px solid var(--ink);font-weight:640;vertical-align:bottom}
        tbody th:first-child,thead th:first-child{position:sticky;left:0;background:var(--paper)}
        tbody td,tbody th{border-bottom:1px solid var(--rule);font-weight:400}
        tbody.group tr:first-child th[scope=rowgroup]{padding-top:22px;font-weight:640}
        thead th .name{display:inline-block;white-space:normal;min-width:5em;max-width:12em;vertical-align:bottom}
        td.num{text-align:right}td.num i{font-style:normal;color:var(--soft)}th.num{text-align:right}
        td.wrap{white-space:normal;min-width:16em}
        .mark{display:inline-block;width:9px;height:9px;border-radius:50%;background:currentColor;margin-right:7px}
        figure{margin:30px 0 0}h4,figcaption h3{overflow-wrap:anywhere}
        svg.figure{display:block;max-width:100%;height:auto;border-radius:4px}svg.figure>title+rect{fill:var(--paper)}.figure [fill="#f0f1f3"]{fill:var(--grid)}
        figcaption{display:flex;flex-wrap:wrap;align-items:baseline;justify-content:space-between;gap:6px 26px;margin-bottom:20px}
        .legend{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13.5px}
        .legend label{cursor:pointer}.legend label span{color:var(--ink)}.faint{opacity:.35}
        .legend .line{display:inline-block;width:18px;height:0;border-top:2.4px solid currentColor;margin-right:7px;vertical-align:.28em}
        .legend .chance .line{border-top:1.6px dashed var(--soft)}
        .note{color:var(--soft);font-size:13.5px;margin:10px 0 0}
        .blocks{display:grid;gap:42px 44px;padding-bottom:34px}
        .charts{display:grid;gap:46px 20px;padding-left:36px}
        .n1{grid-template-columns:repeat(4,minmax(0,1fr));row-gap:58px}
        .n2,.n3{grid-template-columns:repeat(2,minmax(0,1fr))}
        .n1 .charts{grid-template-columns:minmax(0,210px)}
        .n2 .charts{grid-template-columns:repeat(2,minmax(0,200px))}
        .n3 .charts{grid-template-columns:repeat(3,minmax(0,200px))}
        .n4 .charts{grid-template-columns:repeat(4,minmax(0,200px))}
        .n5 .charts{grid-template-columns:repeat(5,minmax(0,200px))}
        .n6 .charts{grid-template-columns:repeat(6,minmax(0,1fr))}
        .n1 .ct{display:none}.n1 h4{margin-bottom:12px}
        #record{font-feature-settings:"calt" 0}
        :where(svg:not(.figure)){display:block;width:100%;height:auto;overflow:visible;font-family:inherit}
        :where(svg:not(.figure)) text{font-size:10.4px;fill:var(--soft)}
        svg .ct{font-size:11.4px;fill:var(--ink);font-weight:560}
        svg .yt text{text-anchor:end}svg .xl{display:none;text-anchor:end}.charts>svg:last-child .xl{display:inline}\
        .n4 .block:not(:last-child) .xl,.n5 .block:not(:last-child) .xl,.n6 .block:not(:last-child) .xl{display:none !important}svg .xt text{text-anchor:middle}
        :where(svg:not(.figure)) path{fill:none}
        svg .g{stroke:var(--grid);stroke-width:1}svg .z{stroke:var(--soft);stroke-width:.8}
        svg .a{stroke:var(--soft);stroke-width:.9}
        svg .l{stroke:currentColor;stroke-width:16;stroke-linejoin:round;stroke-linecap:round}
        svg .b{fill:currentColor;opacity:.17}
        :where(svg:not(.figure)) circle{fill:currentColor}
        svg .n{stroke:var(--soft);stroke-width:11;stroke-dasharray:35 35;opacity:.8}
        .n2 .charts>svg:not(:nth-child(2n+1)) .yt,.n3 .charts>svg:not(:nth-child(3n+1)) .yt,\
        .n4 .charts>svg:not(:nth-child(4n+1)) .yt,.n5 .charts>svg:not(:nth-child(5n+1)) .yt,\
        .n6 .charts>svg:not(:nth-child(6n+1)) .yt{display:none}
        .heats{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,350px),1fr));gap:30px 34px}
        svg.heat{overflow:hidden}
        svg .ht{font-size:12px;fill:var(--ink);font-weight:600}
        svg .hc{text-anchor:middle;font-size:9.6px}svg .hr{text-anchor:end;font-size:11px;fill:var(--ink)}
        svg.heat g text{font-size:11.5px;text-anchor:middle}.q rect{fill:var(--card);stroke:var(--rule)}
        .ramps{display:flex;gap:14px;align-items:flex-start;line-height:1;margin-top:18px;font-size:13px;color:var(--soft)}
        svg.ramp{width:189px;flex:none;overflow:visible}
        details{margin-top:26px}summary{cursor:pointer;color:var(--link);font-size:14.5px}
        pre{font-size:12.5px;line-height:1.5;background:var(--card);border-radius:6px;padding:16px 18px;overflow-x:auto;margin:12px 0 0}
        .off{display:none !important}
        .found .charts{column-gap:44px}.found .charts .yt,.found .charts .xl{display:inline !important}
        [id]{scroll-margin-top:64px}
        #tools{position:sticky;top:0;z-index:2;background:var(--paper);border-bottom:1px solid var(--rule);font-size:13.5px}
        #tools>div{max-width:1240px;margin:0 auto;padding:9px 40px;display:grid;grid-template-columns:minmax(140px,290px) 1fr auto auto;\
        gap:8px 18px;align-items:center}
        #tools input[type=search],#tools select,#tools button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--rule);\
        border-radius:6px;padding:4px 9px}
        #count{color:var(--soft);white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
        #theme{grid-column:-2}#filters{margin:0}#filters summary{font-size:inherit}
        #filters[open]{grid-column:1/-1;grid-row:2;max-height:56vh;overflow:auto}
        #filters fieldset{border:0;padding:0;margin:8px 0;display:grid;grid-template-columns:128px auto auto 1fr;gap:4px 6px;\
        align-items:start}
        #filters legend{float:left;padding:3px 10px 0 0;font-weight:600;overflow-wrap:anywhere}
        #filters button{padding:1px 8px;font-size:12px;cursor:pointer;color:var(--soft)}
        .chips{display:flex;flex-wrap:wrap;gap:4px;max-height:8.2em;overflow:auto}
        .chips label{position:relative;cursor:pointer}.chips input{position:absolute;opacity:0;width:100%;height:100%;margin:0;cursor:pointer}
        .chips span{display:block;padding:1px 8px;border:1px solid var(--rule);border-radius:10px;color:var(--soft);text-decoration:line-through}
        .chips input:checked+span{background:var(--card);border-color:var(--soft);color:var(--ink);text-decoration:none}
        .chips input:focus-visible+span,svg.chart:focus-visible,th:focus-visible{outline:2px solid var(--link);outline-offset:2px}
        svg.chart:focus{outline:none}
        #tip{position:fixed;z-index:3;pointer-events:none;max-width:min(620px,96vw);background:var(--paper);border:1px solid var(--rule);\
        border-radius:7px;box-shadow:0 3px 14px #0003;padding:7px 11px;font-size:12.5px;line-height:1.5}
        #tip[hidden]{display:none}#tip>div{white-space:nowrap;display:grid;grid-template-columns:9px 1fr auto;gap:0 10px;align-items:baseline;color:var(--soft)}
        #tip .best{color:var(--ink);font-weight:620}#tip .mark{margin:0}#tip small{color:var(--soft)}
        svg .cross{stroke:var(--soft);stroke-width:.8}
        #runs th{cursor:pointer}#runs th[aria-sort=ascending]::after{content:" ↑"}#runs th[aria-sort=descending]::after{content:" ↓"}
        footer{margin-top:80px;padding-top:16px;border-top:1px solid var(--rule);color:var(--soft);font-size:13.5px}
        @media (max-width:980px){
        .n1{grid-template-columns:repeat(3,minmax(0,1fr))}.n2,.n3{grid-template-columns:minmax(0,1fr)}
        .n4 .charts,.n5 .charts,.n6 .charts{grid-template-columns:repeat(3,minmax(0,1fr))}
        .n4 .charts>svg:nth-child(n) .yt,.n5 .charts>svg:nth-child(n) .yt,.n6 .charts>svg:nth-child(n) .yt{display:inline}
        .n4 .charts>svg:not(:nth-child(3n+1)) .yt,.n5 .charts>svg:not(:nth-child(3n+1)) .yt,\
        .n6 .charts>svg:not(:nth-child(3n+1)) .yt{display:none}
        }
        @media (max-width:560px){
        body{font-size:15.5px}main{padding:28px 18px 64px}#tools>div{padding:8px 18px;grid-template-columns:1fr auto auto}#count{grid-column:1/-1;grid-row:3}h1{font-size:26px}h2{margin-top:52px;font-size:21px}
        .tiles{grid-template-columns:repeat(2,1fr)}
        .n1{grid-template-columns:repeat(2,minmax(0,1fr));gap:54px 14px}
        .n3 .charts,.n4 .charts,.n5 .charts,.n6 .charts{grid-template-columns:repeat(2,minmax(0,1fr))}
        .n3 .charts>svg:nth-child(n) .yt,.n4 .charts>svg:nth-child(n) .yt,.n5 .charts>svg:nth-child(n) .yt,\
        .n6 .charts>svg:nth-child(n) .yt{display:inline}
        .charts>svg:nth-child(2n):nth-child(n):nth-child(n) .yt{display:none}
        .n1 .charts{padding-left:30px}
        .claims li{grid-template-columns:1fr}.claims .finding{grid-column:1}
        dl.facts{grid-template-columns:1fr;gap:0}dl.facts dd{margin-bottom:8px}
        th,td{padding-right:16px}table{font-size:13.5px}
        }
        """
}
