//! What the sample videos show: filter graphs for FFmpeg's own generators.
//!
//! A graph takes the clip's sound as `[0:a]` and ends where the picture is ready. `{w}` and `{h}` stand for the size, `{beat}` and
//! `{seconds}` for the length of a beat and of the clip. Formulas are evaluated on a small grid and scaled up: smooth things stay smooth, and
//! two cores make all clips in about a minute.

use std::path::Path;

use super::catalogue::Clip;
use super::score::Score;

/// How a clip's picture is made.
pub(crate) enum Picture {
    /// A filter graph.
    Graph(&'static str),
    /// Words that come one by one, to the beat.
    Words {
        /// Shown one after the other, from the start again when they are through.
        words: &'static [&'static str],
        /// Beats that each stays.
        beats: u32,
        /// Height of the letters, in thousandths of the picture's width.
        size: u32,
        /// Colours of background and letters, by turns: `0xRRGGBB`.
        colours: &'static [(&'static str, &'static str)],
    },
}

impl Picture {
    // Colour: slow gradients.
    pub(crate) const AURORA: Self = Self::Graph(
        "gradients=s=136x240:r=30:n=5:c0=0x04101f:c1=0x0b6e6e:c2=0x59f0b4:c3=0x7a4bd8:c4=0x04101f:speed=0.013:seed=7,\
         format=gbrp,gblur=5,scale={w}:{h}:flags=bicubic,eq=saturation=1.25,vignette=PI/4.6,noise=alls=4:allf=t",
    );
    pub(crate) const OIL: Self = Self::Graph(
        "gradients=s=136x240:r=30:n=6:c0=0x2b1055:c1=0xd53a9d:c2=0xffb347:c3=0xff7a59:c4=0x21d4fd:c5=0x2b1055:\
         speed=0.008:seed=21,format=gbrp[a];\
         nullsrc=s=34x60:r=30,format=gray,geq=lum='128+44*sin(X/5+T*0.7+2*sin(Y/9+T*0.4))',scale=136:240:flags=bicubic,\
         format=gbrp,split[x][y0];[y0]vflip,hflip[y];\
         [a][x][y]displace=edge=mirror,gblur=3,scale={w}:{h}:flags=bicubic,eq=saturation=1.15,vignette=PI/5",
    );
    pub(crate) const SUNSET: Self = Self::Graph(
        "nullsrc=s=90x160:r=30,format=gbrp,geq=\
         r='clip(250-abs(Y-92)*1.5+40*sin(T*0.5),20,255)':\
         g='clip(150-abs(Y-98)*2.1+24*sin(T*0.5+1),8,255)':\
         b='clip(70+Y*0.25+50*sin(Y/26+T*0.3),30,210)',\
         scale={w}:{h}:flags=bicubic,vignette=PI/5",
    );
    pub(crate) const WIDE: Self = Self::Graph(
        "gradients=s=240x136:r=30:n=5:c0=0x3d1c56:c1=0xf2545b:c2=0xf9c784:c3=0x3a8fb7:c4=0x1b1f4b:speed=0.010:seed=5,\
         format=gbrp,gblur=8,scale={w}:{h}:flags=bicubic,vignette=PI/5,noise=alls=4:allf=t",
    );
    // Life: cellular automata with a glow.
    pub(crate) const LIFE_PINK: Self = Self::Graph(
        "life=s=108x192:r=15:mold=14:life_color=#ffd6f2:death_color=#d6247f:mold_color=#1c0820:ratio=0.14:seed=11,\
         fps=30,format=gbrp,scale={w}:{h}:flags=neighbor,\
         format=gbrp,split[a][b];[b]scale=iw/6:ih/6:flags=area,gblur=3,scale={w}:{h}:flags=bicubic,\
         format=gbrp[c];[a][c]blend=all_mode=screen:all_opacity=0.8",
    );
    pub(crate) const LIFE_CITY: Self = Self::Graph(
        "life=s=180x320:r=12:rule=S23/B36:mold=40:life_color=#fff3c4:death_color=#ff9f1c:mold_color=#0a1128:\
         ratio=0.2:seed=4,fps=30,format=gbrp,scale={w}:{h}:flags=neighbor,\
         format=gbrp,split[a][b];[b]scale=iw/6:ih/6:flags=area,gblur=2,scale={w}:{h}:flags=bicubic,\
         format=gbrp[c];[a][c]blend=all_mode=screen:all_opacity=0.9",
    );
    pub(crate) const RULE_30: Self = Self::Graph(
        "cellauto=rule=30:s=90x160:r=20:scroll=1:full=1:seed=5:ratio=0.02,fps=30,format=gbrp,\
         lutrgb=r='13+val*0.12':g='27+val*0.80':b='42+val*0.55',scale={w}:{h}:flags=neighbor,\
         format=gbrp,split[a][b];[b]scale=iw/6:ih/6:flags=area,gblur=2,scale={w}:{h}:flags=bicubic,\
         format=gbrp[c];[a][c]blend=all_mode=screen:all_opacity=0.5",
    );
    pub(crate) const RULE_90: Self = Self::Graph(
        "cellauto=rule=90:s=68x120:r=15:scroll=1:full=1:seed=9:ratio=0.06,fps=30,format=gbrp,\
         lutrgb=r='30+val*0.85':g='10+val*0.55':b='64+val*0.12',split[l][r0];[r0]hflip[r];[l][r]hstack,\
         split[t][b0];[b0]vflip[b];[t][b]vstack,scale={w}:{h}:flags=neighbor",
    );
    // Fractals.
    pub(crate) const SEAHORSE: Self = Self::Graph(
        "mandelbrot=s=270x480:r=30:start_x=-0.743643887037151:start_y=-0.13182590420533:start_scale=0.02:\
         end_scale=0.000008:end_pts=360:maxiter=300:outer=normalized_iteration_count:inner=black,\
         format=gray,scale={w}:{h}:flags=bicubic,format=yuv444p,pseudocolor=preset=turbo",
    );
    pub(crate) const GOLD: Self = Self::Graph(
        "mandelbrot=s=270x480:r=30:start_x=-1.25066:start_y=0.02012:start_scale=0.3:end_scale=0.0004:end_pts=480:\
         maxiter=250:outer=normalized_iteration_count:inner=black,format=gray,scale={w}:{h}:flags=bicubic,format=gbrp,\
         curves=r='0/0.03 0.4/0.55 0.8/0.98 1/1':g='0/0.02 0.5/0.42 0.85/0.83 1/0.98':b='0/0.05 0.6/0.14 1/0.75'",
    );
    pub(crate) const DEEP_BLUE: Self = Self::Graph(
        "mandelbrot=s=270x480:r=30:start_x=-0.1015:start_y=0.9563:start_scale=0.25:end_scale=0.0006:end_pts=450:\
         maxiter=220:outer=normalized_iteration_count:inner=black,format=gray,scale={w}:{h}:flags=bicubic,format=gbrp,\
         curves=r='0/0.01 0.5/0.1 1/0.95':g='0/0.03 0.5/0.42 1/0.98':b='0/0.12 0.45/0.75 1/1'",
    );
    pub(crate) const CARPET: Self = Self::Graph(
        "sierpinski=s=135x240:r=30:type=carpet:seed=3:jump=4,format=gbrp,scale={w}:{h}:flags=neighbor,format=gbrp[a];\
         gradients=s=68x120:r=30:n=4:c0=0xff2e63:c1=0xfcbf49:c2=0x08d9d6:c3=0x7b2cbf:speed=0.02:seed=9,format=gbrp,\
         scale={w}:{h}:flags=bicubic,format=gbrp[b];[a][b]blend=all_mode=multiply,format=gbrp,\
         lutrgb=r='16+val*0.92':g='14+val*0.92':b='34+val*0.86'",
    );
    // Waves: interference on a small grid.
    pub(crate) const EMBER: Self = Self::Graph(
        "nullsrc=s=90x160:r=30,format=gray,geq=lum='128+42*(sin(hypot(X-27-13*sin(T*1.1),Y-47)/4-T*5)+\
         sin(hypot(X-63,Y-107-20*cos(T*0.8))/4.7-T*4)+sin(hypot(X-45,Y-80)/7+T*3))',\
         scale={w}:{h}:flags=bicubic,format=yuv444p,pseudocolor=preset=magma",
    );
    pub(crate) const RIPPLE: Self = Self::Graph(
        "nullsrc=s=90x160:r=30,format=gray,geq=lum='120+64*(sin(hypot(X-28,Y-80)/2.6-T*6)+\
         sin(hypot(X-62,Y-80)/2.6-T*6))',scale={w}:{h}:flags=bicubic,format=gbrp,\
         curves=r='0/0.02 0.6/0.1 1/0.92':g='0/0.10 0.5/0.38 1/0.97':b='0/0.20 0.5/0.58 1/0.93'",
    );
    pub(crate) const OP_ART: Self = Self::Graph(
        "nullsrc=s=135x240:r=30,format=gray,geq=lum='128+120*sin(hypot(X-67-9*sin(T*PI/({beat}*2)),\
         Y-120-9*cos(T*PI/({beat}*2)))/6-T*PI/{beat}*2+4*atan2(Y-120,X-67))',\
         scale={w}:{h}:flags=bicubic,lutyuv=y='clip((val-112)*7,18,232)'",
    );
    pub(crate) const MINT: Self = Self::Graph(
        "nullsrc=s=72x128:r=30,format=gray,geq=lum='128+70*sin(X/11+sin(Y/15+T*0.9)*2.2+T*0.5)+\
         50*sin(Y/19-T*0.6+sin(X/13))',scale={w}:{h}:flags=bicubic,format=gbrp,\
         curves=r='0/0.03 0.5/0.12 0.8/0.55 1/0.98':g='0/0.05 0.5/0.50 1/1':b='0/0.16 0.5/0.46 1/0.90'",
    );
    // Sound: the clip's own music, drawn. Two of them draw the loop twice and show the second time, so that the first
    // frame, which becomes the poster, is not black.
    pub(crate) const BARS: Self = Self::Graph(
        "[0:a]aformat=channel_layouts=mono,volume=0.75,showwaves=s=18x192:r=30:mode=cline:scale=lin:draw=full:colors=white,\
         format=gbrp,lagfun=decay=0.88,scale={w}:{h}:flags=neighbor,drawgrid=x=0:y=-1:w=30:h=961:t=10:c=black,format=gbrp[m];\
         gradients=s=54x96:r=30:x0=0:y0=0:x1=54:y1=0:n=4:c0=0xff006e:c1=0xfb5607:c2=0xffbe0b:c3=0x3a86ff:speed=0.006:seed=2,\
         format=gbrp,scale={w}:{h}:flags=bicubic,format=gbrp[g];[m][g]blend=all_mode=multiply,format=gbrp,\
         lutrgb=r='12+val*0.95':g='9+val*0.95':b='24+val*0.9'",
    );
    pub(crate) const SCOPE: Self = Self::Graph(
        "[0:a]aloop=loop=1:size=2000000,lowpass=f=700,adelay=0|3,extrastereo=m=1.8,avectorscope=s=270x270:r=30:mode=lissajous:draw=line:zoom=1.2:\
         rc=60:gc=255:bc=150:rf=22:gf=12:bf=15,trim=start={seconds},setpts=PTS-STARTPTS,format=gbrp,scale=540:540:flags=bicubic,pad={w}:{h}:(ow-iw)/2:(oh-ih)/2:black,\
         format=gbrp,split[a][b];[b]scale=iw/6:ih/6:flags=area,gblur=3,scale={w}:{h}:flags=bicubic,\
         format=gbrp[c];[a][c]blend=all_mode=screen:all_opacity=1",
    );
    pub(crate) const RAIN: Self = Self::Graph(
        "[0:a]aloop=loop=1:size=2000000,showspectrum=s=480x270:slide=scroll:mode=combined:color=plasma:scale=cbrt:fscale=log:start=110:stop=9000:\
         orientation=horizontal:fps=30:legend=0:gain=0.32:overlap=0.85,fps=30,format=gbrp,transpose=2,\
         trim=start={seconds},setpts=PTS-STARTPTS,scale={w}:{h}:flags=bicubic",
    );
    pub(crate) const STRING: Self = Self::Graph(
        "[0:a]lowpass=f=900,showwaves=s=480x135:r=30:mode=p2p:colors=0xffd166|0xef476f:scale=sqrt:draw=full,format=gbrp,\
         transpose=1,lagfun=decay=0.86,scale={w}:{h}:flags=bicubic,\
         format=gbrp,split[a][b];[b]scale=iw/6:ih/6:flags=area,gblur=4,scale={w}:{h}:flags=bicubic,\
         format=gbrp[c];[a][c]blend=all_mode=screen:all_opacity=1",
    );
    // Words.
    pub(crate) const COUNT: Self = Self::Words {
        words: &["one", "two", "three", "four"],
        beats: 1,
        size: 240,
        colours: &[
            ("0x14213d", "0xfca311"),
            ("0xfca311", "0x14213d"),
            ("0xe5e5e5", "0x14213d"),
            ("0xc1121f", "0xfdf0d5"),
        ],
    };
    pub(crate) const EINS: Self = Self::Words {
        words: &["eins", "zwei", "drei", "vier"],
        beats: 1,
        size: 270,
        colours: &[
            ("0x0f4c5c", "0xfb8b24"),
            ("0xe36414", "0xfff1d0"),
            ("0x5f0f40", "0xfb8b24"),
            ("0x9a031e", "0xfff1d0"),
        ],
    };
    pub(crate) const TAKT: Self = Self::Words {
        words: &["Takt", "beat", "Takt", "measure", "Takt", "tact"],
        beats: 2,
        size: 200,
        colours: &[("0x101014", "0xf4f4f0"), ("0xf4f4f0", "0x101014")],
    };
    pub(crate) const POEM: Self = Self::Words {
        words: &["paper", "boats", "do not", "hurry", "they", "arrive", "anyway", "·"],
        beats: 2,
        size: 170,
        colours: &[
            ("0xcad2c5", "0x2f3e46"),
            ("0x84a98c", "0x1d2b2f"),
            ("0x52796f", "0xe9f0e6"),
            ("0x354f52", "0xcad2c5"),
        ],
    };

    /// The filter graph for a clip, as long as its sound.
    ///
    /// The graph ends the picture, not an option for the whole file: that would cut the sound, which is copied packet
    /// by packet, now here and now there. Pixels are square: scaling a grid of another shape leaves them oblong.
    pub(crate) fn graph(&self, clip: &Clip, score: &Score, font: Option<&Path>) -> String {
        format!(
            "{},trim=duration={},setsar=1,format=yuv420p[v]",
            self.endless(clip, score, font),
            score.seconds()
        )
    }

    fn endless(&self, clip: &Clip, score: &Score, font: Option<&Path>) -> String {
        match self {
            Self::Graph(template) => template
                .replace("{w}", &clip.width.to_string())
                .replace("{h}", &clip.height.to_string())
                .replace("{seconds}", &score.seconds().to_string())
                .replace("{beat}", &score.beat_seconds().to_string()),
            Self::Words { words, beats, size, colours } => {
                let step = *beats as f32 * score.beat_seconds();
                let size_px = clip.width * size / 1000;
                let frame = WordFrame { clip, font, size_px, step, beat: score.beat_seconds() };
                frame.graph(words, colours, (score.seconds() / step).ceil() as usize)
            }
        }
    }
}

/// What all words of a clip have in common.
struct WordFrame<'a> {
    clip: &'a Clip,
    font: Option<&'a Path>,
    size_px: u32,
    /// Seconds that each word stays.
    step: f32,
    /// Seconds from beat to beat.
    beat: f32,
}

impl WordFrame<'_> {
    fn graph(&self, words: &[&str], colours: &[(&str, &str)], count: usize) -> String {
        let (width, height) = (self.clip.width, self.clip.height);
        let mut graph = format!("color=black:s={width}x{height}:r=30");
        for index in 0..count {
            let (back, front) = colours[index % colours.len()];
            let (start, end) = (index as f32 * self.step, (index + 1) as f32 * self.step);
            let when = format!("enable='gte(t,{start:.4})*lt(t,{end:.4})'");
            graph.push_str(&format!(",drawbox=x=0:y=0:w=iw:h=ih:color={back}:t=fill:{when}"));
            graph.push_str(&self.word(words[index % words.len()], front, start, &when));
        }
        graph.push_str(&self.dots());
        graph
    }

    /// Four dots below the word, of which one lights up: a bar, counted.
    fn dots(&self) -> String {
        let (side, gap) = (self.clip.width / 26, self.clip.width / 12);
        let (left, top) = ((self.clip.width - 3 * gap - side) / 2, self.clip.height * 62 / 100);
        let mut dots = String::new();
        for dot in 0..4 {
            let place = format!("x={}:y={top}:w={side}:h={side}:t=fill", left + dot * gap);
            let when = format!("enable='eq(mod(floor(t/{:.4}+0.01),4),{dot})'", self.beat);
            dots.push_str(&format!(
                ",drawbox={place}:color=white@0.25,drawbox={place}:color=white@0.9:{when}"
            ));
        }
        dots
    }

    /// A word lands a little too large and settles, like something put down on the beat.
    fn word(&self, word: &str, colour: &str, start: f32, when: &str) -> String {
        let font = self.font.map(|font| format!("fontfile='{}':", font.display())).unwrap_or_default();
        let size = self.size_px;
        format!(
            ",drawtext={font}text='{word}':fontcolor={colour}:fontsize='{size}*(1+0.22*exp(-14*max(0,t-{start:.4})))':\
             x=(w-text_w)/2:y=(h-{size})/2:{when}"
        )
    }
}
